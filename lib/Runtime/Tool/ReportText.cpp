//===- ReportText.cpp - tk-run's report to read ---------------------------===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Report.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include <map>

using namespace llvm;

namespace tk::detail {

namespace {
class TextReport {
public:
  TextReport(const RunReport &report, raw_ostream &os, bool colours)
      : report(report), os(os), colours(colours) {}
  void print();

private:
  void printHeader();
  void printArguments();
  void printCompilation();
  void printResources();
  void printInstructions();
  void printBanks();
  void printCounters();
  void printFindings();
  void printFinding(const SeededFinding &seeded);
  void printTiming();
  void printChecks();
  void printOutputs();
  void printVerdict();

  void heading(StringRef text) { os << "\n" << paint("1", text) << "\n"; }
  std::string paint(StringRef code, const Twine &text) const {
    return colours ? ("\033[" + code + "m" + text + "\033[0m").str() : text.str();
  }
  /// Rows of cells in columns as wide as their widest; numbers are set to the right by a leading
  /// '>'.
  void table(ArrayRef<std::vector<std::string>> rows);

  const RunReport &report;
  raw_ostream &os;
  bool colours;
};
} // namespace

/// 1234567 -> "1,234,567"
static std::string group(uint64_t value) {
  std::string digits = std::to_string(value), text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i && (digits.size() - i) % 3 == 0)
      text += ',';
    text += digits[i];
  }
  return text;
}

static std::string right(uint64_t value) { return ">" + group(value); }

static std::string printReal(double value) { return formatv("{0:e2}", value).str(); }

static std::string printTriple(ArrayRef<int64_t> values) { return printSizes(values); }

void TextReport::table(ArrayRef<std::vector<std::string>> rows) {
  std::vector<size_t> widths;
  auto length = [](StringRef cell) { return cell.size() - cell.starts_with(">"); };
  for (const auto &row : rows)
    for (auto [column, cell] : enumerate(row)) {
      if (column == widths.size())
        widths.push_back(0);
      widths[column] = std::max(widths[column], length(cell));
    }
  for (const auto &row : rows) {
    std::string line = " ";
    for (auto [column, cell] : enumerate(row)) {
      StringRef text = cell;
      bool isRight = text.consume_front(">");
      size_t padding = widths[column] - text.size();
      line += " " + std::string(isRight ? padding : 0, ' ') + text.str() +
              std::string(isRight ? 0 : padding, ' ') + " ";
    }
    os << StringRef(line).rtrim() << "\n";
  }
}

void TextReport::printHeader() {
  os << paint("1", report.kernel) << " on " << report.device << "\n";
  if (!report.deviceNote.empty())
    os << "  auto: " << report.deviceNote << "\n";
  const Variant &variant = *report.variant;
  os << "  entry " << variant.entry << (report.isForced ? " (by --variant)" : "") << ", grid "
     << printTriple(report.grid) << ", block " << printTriple(variant.block);
  if (variant.cluster != std::array<int64_t, 3>{1, 1, 1})
    os << ", cluster " << printTriple(variant.cluster);
  os << ", " << group(variant.dynamicSharedBytes) << " bytes of dynamic shared memory\n";
  if (variant.workspace)
    os << "  a workspace of " << group(variant.workspace->bytes) << " bytes for each block\n";
  for (const std::string &reason : report.declined)
    os << "  not taken: " << reason << "\n";
  if (!report.launched)
    os << "  " << paint("33", "the grid is empty: nothing was launched") << "\n";
  else if (report.isSimulated && report.firstSeed == report.lastSeed)
    os << "  seed " << report.firstSeed << "\n";
  else if (report.isSimulated)
    os << "  seeds " << report.firstSeed << " to " << report.lastSeed << "\n";
}

void TextReport::printArguments() {
  heading("arguments");
  std::vector<std::vector<std::string>> rows;
  for (const ArgumentLine &line : report.arguments) {
    std::string source = line.source;
    if (source == "random")
      source += " (data seed " + std::to_string(report.dataSeed) + ")";
    rows.push_back({line.name, line.type, line.value, line.layout, source});
  }
  table(rows);
}

void TextReport::printCompilation() {
  if (report.compileSteps.empty())
    return;
  double total = 0;
  for (const auto &[name, milliseconds] : report.compileSteps)
    total += milliseconds;
  heading(formatv("compiled in {0:f1} ms", total).str());
  std::vector<std::vector<std::string>> rows;
  for (const auto &[name, milliseconds] : report.compileSteps)
    rows.push_back({name, formatv(">{0:f2}", milliseconds).str()});
  table(rows);
  for (StringRef note : split(report.compileNote, '\n'))
    if (!note.empty())
      os << "  note: " << note << "\n";
}

/// What ptxas and the compiler said about the variant; "-1" is a number that no one gave.
void TextReport::printResources() {
  const Variant &variant = *report.variant;
  if (!variant.resources && variant.sharedBuffers.empty())
    return;
  heading("resources");
  if (variant.resources)
    os << "  " << variant.resources->registers << " registers per thread, "
       << variant.resources->spillStores << " bytes spilled, " << variant.resources->spillLoads
       << " bytes reloaded\n";
  std::vector<std::vector<std::string>> rows;
  for (const SharedBuffer &buffer : variant.sharedBuffers)
    rows.push_back({buffer.name, right(buffer.bytes), "bytes at", right(buffer.offset), buffer.type,
                    buffer.location});
  table(rows);
}

static constexpr StringLiteral instructionPrefix = "instructions.";

void TextReport::printInstructions() {
  std::vector<std::vector<std::string>> rows;
  for (const auto &[name, value] : report.simulated->counters)
    if (StringRef(name).starts_with(instructionPrefix))
      rows.push_back({name.substr(instructionPrefix.size()), right(value)});
  if (rows.empty())
    return;
  heading("instructions by class");
  table(rows);
}

void TextReport::printCounters() {
  heading("counters");
  std::vector<std::vector<std::string>> rows;
  for (const auto &[name, value] : report.simulated->counters)
    if (!StringRef(name).starts_with(instructionPrefix))
      rows.push_back({name, right(value)});
  rows.push_back({"thread instructions", right(report.simulated->threadInstructions)});
  table(rows);
  double seconds = report.simulated->seconds;
  if (seconds > 0)
    os << formatv("  simulated in {0:f2} s, {1:f1} million thread instructions per second\n",
                  seconds,
                  static_cast<double>(report.simulated->threadInstructions) / seconds / 1e6);
}

static uint64_t getExcess(const sim::BankRecord &bank) {
  return bank.wavefronts - std::min(bank.wavefronts, bank.minimum);
}

/// One row per source line; instructions only where they conflict.
void TextReport::printBanks() {
  if (report.simulated->banks.empty())
    return;
  struct Sum {
    uint64_t instructions = 0, executions = 0, wavefronts = 0, minimum = 0, excess = 0;
  };
  std::map<std::pair<std::string, unsigned>, Sum> sums;
  uint64_t excess = 0;
  for (const sim::BankRecord &bank : report.simulated->banks) {
    Sum &sum = sums[{bank.source.empty() ? "(no source line)" : bank.source, bank.widthBytes}];
    ++sum.instructions;
    sum.executions += bank.executions;
    sum.wavefronts += bank.wavefronts;
    sum.minimum += bank.minimum;
    sum.excess += getExcess(bank);
    excess += getExcess(bank);
  }
  heading("shared memory: " + (excess ? group(excess) + " wavefronts beyond the minimum"
                                      : std::string("no bank conflicts")));
  std::vector<std::vector<std::string>> rows = {
      {"source", ">bytes", ">instructions", ">executions", ">wavefronts", ">minimum", ">excess"}};
  for (const auto &[key, sum] : sums)
    rows.push_back({key.first, right(key.second), right(sum.instructions), right(sum.executions),
                    right(sum.wavefronts), right(sum.minimum), right(sum.excess)});
  table(rows);
  for (const sim::BankRecord &bank : report.simulated->banks) {
    if (!getExcess(bank))
      continue;
    std::string text = bank.ptxText;
    llvm::replace(text, '\t', ' ');
    os << "    " << report.kernel << ".ptx:" << bank.ptxLine << ": " << text << ": "
       << group(bank.wavefronts) << " wavefronts, minimum " << group(bank.minimum) << "\n";
  }
}

void TextReport::printFinding(const SeededFinding &seeded) {
  const sim::Finding &finding = seeded.finding;
  StringRef code = finding.severity == sim::Severity::Error     ? "1;31"
                   : finding.severity == sim::Severity::Warning ? "1;33"
                                                                : "1;36";
  os << "  " << paint(code, stringifySeverity(finding.severity) + ": " + finding.name) << ": "
     << finding.message << "\n";
  if (finding.ptxLine)
    os << "    " << report.kernel << ".ptx:" << finding.ptxLine << ": "
       << StringRef(finding.ptxText).trim() << "\n";
  if (!finding.source.empty())
    os << "    from " << finding.source << "\n";
  if (finding.ptxLine)
    os << "    block (" << finding.cta[0] << ", " << finding.cta[1] << ", " << finding.cta[2]
       << "), warp " << finding.warp << ", lanes " << format_hex(finding.lanes, 10) << ", seed "
       << seeded.seed << "; seen " << group(finding.count)
       << (finding.count == 1 ? " time\n" : " times\n");
  for (const std::string &detail : finding.details)
    os << "    " << detail << "\n";
}

void TextReport::printFindings() {
  heading("findings: " +
          (report.findings.empty() ? std::string("none") : group(report.findings.size())));
  for (sim::Severity severity : {sim::Severity::Error, sim::Severity::Warning, sim::Severity::Note})
    for (const SeededFinding &finding : report.findings)
      if (finding.finding.severity == severity)
        printFinding(finding);
}

void TextReport::printTiming() {
  heading("time");
  os << formatv("  median {0:f4} ms, least {1:f4}, greatest {2:f4}, over {3} launches\n",
                report.timing->median, report.timing->least, report.timing->greatest,
                report.timing->launches);
}

void TextReport::printChecks() {
  heading("checks");
  for (const CheckLine &check : report.checks) {
    const Comparison &comparison = check.comparison;
    os << "  " << check.name << " against " << check.reference << ": relative error "
       << printReal(comparison.error) << ", tolerance " << printReal(comparison.tolerance) << ": "
       << (comparison.passed() ? paint("32", "passed") : paint("1;31", "failed"));
    if (!comparison.passed() && report.firstSeed != report.lastSeed)
      os << " (seed " << check.seed << ")";
    os << "\n";
    if (comparison.worst.empty())
      continue;
    os << "    largest difference " << printReal(comparison.maxAbsolute) << " at [";
    interleaveComma(comparison.worst, os);
    os << "]: got " << format("%g", comparison.got) << ", expected "
       << format("%g", comparison.expected) << "\n";
  }
}

void TextReport::printOutputs() {
  heading("outputs");
  for (const OutputLine &output : report.outputs) {
    os << "  " << output.name << "  " << output.type << "  " << output.sizes;
    if (!output.file.empty())
      os << "  " << output.file;
    os << "\n";
    if (output.unwritten.value_or(0) > 0)
      os << "    " << paint("1;33", "warning:") << " " << group(*output.unwritten) << " of "
         << group(output.elements) << " elements were never written\n";
  }
}

void TextReport::printVerdict() {
  if (int64_t count = report.countUnwrittenChecked())
    os << "\n"
       << paint("1;31", "failed") << ": " << group(count)
       << " elements that --check reads were never written\n";
}

void TextReport::print() {
  printHeader();
  printCompilation();
  printArguments();
  printResources();
  if (report.simulated) {
    printInstructions();
    printBanks();
    printCounters();
  }
  if (report.isSimulated && report.launched)
    printFindings();
  if (report.timing)
    printTiming();
  if (!report.checks.empty())
    printChecks();
  if (!report.outputs.empty())
    printOutputs();
  printVerdict();
}

void printText(const RunReport &report, raw_ostream &os, bool colours) {
  TextReport(report, os, colours).print();
}

} // namespace tk::detail
