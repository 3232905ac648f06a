//===- Ptx.h - The decoded form of a PTX module -----------------*- C++ -*-===//
//
// Part of the tk project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
///
/// A PTX entry after decoding: one `Inst` per instruction, operands as offsets into a warp's register file, every
/// string gone. Registers are rows of 32 lanes; an immediate is a row of the program's constant pool, so that the
/// lane kernels never ask what kind of operand they read.
///
//===----------------------------------------------------------------------===//

#ifndef TK_LIB_SIM_PTX_H
#define TK_LIB_SIM_PTX_H

#include "LaneOps.h"
#include "tk/Sim/Simulator.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include <memory>
#include <optional>

namespace tk::sim {

/// Instruction families; each has its own executor. Plain arithmetic is `Alu` with a lane kernel.
enum class Op : uint8_t {
  Alu, Setp, SetpPair, Set, Lop3Pred, PredLogic, Selp, MovPred, MovPack, MovUnpack, Cvt, MovSpecial,
  Carry, Video, Ld, St, Atom, Bra, BrxIdx, Call, Ret, Exit, Trap, Nop, Sleep, Alloca, StackSave, StackRestore, Bar, BarWarp, Fence, FenceProxy,
  Shfl, Vote, Match, ActiveMask, Redux, Elect, Isspacep,
  LdMatrix, StMatrix, MovMatrix, Mma, WmmaLoad, WmmaStore, WgmmaFence, WgmmaCommit, WgmmaWait, Wgmma,
  CpAsync, CpAsyncCommit, CpAsyncWait, CpAsyncArrive,
  MbarInit, MbarInval, MbarExpect, MbarComplete, MbarArrive, MbarTest, MbarTry, MbarPending,
  Bulk, BulkCommit, BulkWait, Poke, Discard, TensormapReplace, TensormapCopy, FenceTensormap, SetMaxNReg,
  Mapa, GetCtaRank, ClusterArrive, ClusterWait, FenceMbarInit
};

/// `Inst::sub` of additions with the carry flag.
enum CarryForm : uint8_t { kCarrySubtract = 1, kCarryIn = 2, kCarryOut = 4, kCarryMulLo = 8, kCarryMulHi = 16 };

/// `Inst::sub` of mbarrier.arrive.
enum ArriveForm : uint8_t { kArriveDrop = 1, kArriveExpect = 2, kArriveNoComplete = 4 };

/// Counter class of an instruction.
enum class Class : uint8_t { Integer, Float, Convert, Move, Memory, Control, Barrier, Warp, Matrix, Wgmma, Async, Count };

/// Cluster: shared memory of any CTA of the cluster. Places found there are Shared.
enum class Space : uint8_t { Generic, Global, Shared, Local, Param, Const, Cluster };

/// Of strong operations, in the order of inclusion. None: a weak one.
enum class SyncScope : uint8_t { None, Cta, Cluster, Gpu, Sys };

/// A register row: `off` is the row's first 32-bit word in the register file (or, with the top bit set, in the
/// constant pool); `idx` numbers the register for poison and in-flight marks. Index 0 is never poison.
struct Opnd {
  static constexpr uint32_t kConst = 0x80000000u, kNone = 0xffffffffu;
  uint32_t off = kNone;
  uint32_t idx = 0;
  bool wide = false; ///< The row has 64 bits a lane.
  bool present() const { return off != kNone; }
  bool isConst() const { return (off & kConst) && present(); }
};

/// A register of 128 bits is two registers of 64, one after the other. What names it is the lower one; instructions that
/// move it name both (a load or a store of 128 bits is one of two elements of 64).
inline Opnd upperHalf(Opnd low) {
  low.off += 64;
  ++low.idx;
  return low;
}

struct CvtSpec {
  Ty to = Ty::None, from = Ty::None;
  Round round = Round::None;
  bool integerRound = false; ///< .rni/.rzi/.rmi/.rpi
  bool ftz = false, sat = false, satfinite = false, relu = false;
};

/// A video instruction. An element of an operand is a field of the 64 bits of b and a, b above a.
struct VideoSpec {
  enum Operation : uint8_t { Add, Sub, Average, AbsDiff, Min, Max, Shl, Shr, Mad, Set } op = Add;
  Cmp cmp = Cmp::Eq;
  uint8_t elements = 1; ///< Of the result: one, two halves or four bytes.
  uint8_t mask = 1;     ///< Those that are computed; the others are c's.
  uint8_t firstA[4] = {0}, firstB[4] = {32}, bitsA = 32, bitsB = 32;
  uint8_t firstD = 0, bitsD = 32; ///< Of a scalar: the field of c that it replaces.
  bool signedD = false, signedA = false, signedB = false;
  bool addsC = false; ///< .add: the result is the sum of the elements and c.
  bool sat = false, wrap = false, plusOne = false, negateProduct = false, negateC = false;
};

struct WgmmaSpec {
  uint16_t n = 0, k = 0;
  Ty d = Ty::None, a = Ty::None, b = Ty::None;
  bool aInRegisters = false, satfinite = false;
  int8_t scaleA = 1, scaleB = 1;
  bool transA = false, transB = false;
  llvm::SmallVector<Opnd, 0> acc;
  llvm::SmallVector<Opnd, 4> aRegs;
  Opnd aDesc, bDesc;
  Opnd scaleD; ///< A predicate register, or a constant row.
  bool scaleDConst = false, scaleDValue = true, scaleDNegated = false;
};

/// Where the elements of a fragment lie in its matrix: [register and element][lane], counted row by row of A and C and,
/// because products run along n, of B too. Of single bits an element is a word of 32.
struct FragmentPlaces {
  std::vector<uint16_t> a, b, c;
};

/// mma, wmma.mma, and wmma's loads and stores, which have one of `regsA`, `regsB`, `regsC` (a load) or `regsD` (a store).
struct MmaSpec {
  enum Form : uint8_t { Mma, Sparse, Wmma };
  uint16_t m = 16, n = 8, k = 16; ///< In elements; for single bits k is in words.
  Ty d = Ty::F32, a = Ty::F16, b = Ty::F16, c = Ty::F32;
  Round round = Round::Rn; ///< Of f64.
  bool satfinite = false, isXor = false;
  bool quads = false; ///< m8n8k4 of f16: four products, of eight lanes each.
  bool colA = false, colB = true; ///< Layouts; of a load or store `colA`.
  Form form = Mma;
  bool ordered = false; ///< Metadata must name the places of a chunk in order.
  uint8_t selector = 0; ///< Which lanes of four hold the metadata.
  llvm::SmallVector<Opnd, 4> regsD, regsA, regsB, regsC;
  Opnd metadata, stride;
  std::shared_ptr<const FragmentPlaces> places;
  std::shared_ptr<const FragmentPlaces> placesD; ///< Where D lies otherwise than C.
  unsigned products() const { return quads ? 4 : 1; }
  /// Elements of A that are stored along k.
  unsigned storedK() const { return form == Sparse ? k / 2 : k; }
};

enum class AtomOp : uint8_t { Add, Min, Max, And, Or, Xor, Exch, Cas, Inc, Dec };

/// `Inst::sub` of a fence of the proxies: all ways, or from the generic one only.
enum ProxyFence : uint8_t { kFenceBothWays, kFenceAcquire, kFenceRelease };

/// Fields of tensor maps, as tensormap.replace names them.
enum class MapField : uint8_t {
  GlobalAddress, Rank, BoxDim, GlobalDim, GlobalStride, ElementStride, ElemType, Interleave, Swizzle, Fill
};

/// A bulk copy: global to shared memory (Load), back (Store, Reduce), or none (Prefetch). Poke: what st.async and
/// red.async do with registers.
struct BulkSpec {
  enum Kind : uint8_t { Load, Store, Reduce, Prefetch, Poke } kind = Load;
  bool tensor = false;
  uint8_t dims = 0;
  AtomOp op = AtomOp::Add; ///< Reduce, and what reduces in shared memory.
  Ty ty = Ty::None;        ///< Of that without a tensor map: the element.
  bool reduces = false;    ///< A load or a poke that combines with what shared memory holds.
  /// Completes at an mbarrier.
  bool signals() const { return kind == Load || kind == Poke; }
  Opnd shared, global, mbar, size, mask; ///< `global`: of a tensor copy the map's address.
  int64_t sharedOffset = 0, globalOffset = 0, mbarOffset = 0;
  bool ownDestination = false; ///< .shared::cta
  bool fromShared = false;     ///< A load whose source, `global`, is the own CTA's shared memory.
  bool mapInParam = false; ///< The map's address is an offset in the parameter space.
  llvm::SmallVector<Opnd, 5> coord;
};

/// What a function or a call takes or gives: a register (a call's may be a constant), or bytes of the frame.
struct Passed {
  Opnd reg;
  Ty ty = Ty::None;
  uint32_t offset = 0, bytes = 0, align = 1;
  bool isLiteral = false; ///< A constant, of whatever size is wanted.
  bool inCallArea = false; ///< While the function is parsed: `offset` is within the parameters of its calls.
};

/// Whether these can be copied to those, one by one.
inline bool fits(llvm::ArrayRef<Passed> from, llvm::ArrayRef<Passed> to) {
  return from.size() == to.size() && llvm::all_of(llvm::zip(from, to), [](auto pair) {
           auto &[x, y] = pair;
           return x.bytes == y.bytes || (x.isLiteral && y.bytes <= 8);
         });
}

struct Signature {
  std::vector<Passed> results, parameters;
  bool noReturn = false;
};

/// What nvcc's kernels call and no PTX file defines.
enum class Runtime : uint8_t { None, Vprintf, Malloc, Free, AssertFail };

struct CallSpec {
  uint32_t function = ~0u; ///< By number in the module; ~0: through `address`.
  Runtime runtime = Runtime::None;
  Opnd address;
  Opnd frame; ///< Of the caller; absent in an entry, whose frame starts at 0.
  std::vector<Passed> results, arguments;
  std::optional<Signature> prototype; ///< .callprototype
  std::vector<uint32_t> targets;      ///< .calltargets: functions by number.
  bool hasTargets = false;
  uint32_t line = 0, column = 0;
};

/// One decoded instruction.
struct Inst {
  Op op = Op::Nop;
  Class cls = Class::Control;
  Ty ty = Ty::None;
  uint8_t numVec = 1;      ///< Elements of a vector load, store or pack; matrices of ldmatrix.
  Space space = Space::Generic;
  uint8_t sub = 0;         ///< Family-specific selector (compare, shuffle mode, atomic operation, ...).
  bool guardNeg = false;
  bool ftz = false, sat = false;
  bool aligned = false;    ///< Needs the whole warp.
  bool isUniform = false;  ///< A branch with .uni.
  bool saysVolatile = false; ///< .volatile itself, as C++ has it, and no memory order.
  bool touchesWgmma = false; ///< Names a register that some wgmma uses; only these are checked in flight.
  bool isVolatile = false, isAcquire = false, isRelease = false, isRed = false, trans = false;
  bool negA = false, negB = false; ///< Of predicates among the sources: the first, the last.
  SyncScope scope = SyncScope::None; ///< Of loads, stores, atomics and fences.
  bool isNc = false;       ///< A load of what nobody writes while the kernel runs.
  bool isOnce = false;     ///< A strong load of an entry that no loop comes back to.
  bool canGather = true;   ///< From here on some way leads to an instruction that wants lanes together.
  bool isWide = false;     ///< Arrivals and waits at mbarriers: the scope reaches beyond the CTA.
  Opnd guard;              ///< Predicate register.
  Opnd d, d2, s[4];
  llvm::SmallVector<Opnd, 0> vec; ///< Registers of vector operands.
  int64_t imm = 0;         ///< Address offset, wait count, barrier id, ...
  AluFn alu = nullptr;
  uint8_t bitOperands = 0; ///< Sources (bit i for s[i]) of each of which one bit at most decides a bit of the result.
  CmpFn cmp = nullptr;
  uint32_t target = 0;     ///< Branch target; index into the side tables for Cvt, Video, Mma, Wgmma, Bulk and Call.
  uint32_t usedBytes = ~0u; ///< Of a load: those that matter, as .pragma "used_bytes_mask" says.
  uint32_t reconverge = ~0u; ///< First instruction of the immediate post-dominator; ~0: none.
  llvm::SmallVector<uint32_t, 0> targets; ///< brx.idx
  uint32_t line = 0;
  uint32_t loc = 0;        ///< Index into Function::locs; 0: none.
};

struct Loc {
  uint32_t file = 0, line = 0, column = 0;
  uint32_t caller = 0; ///< Where it was inlined, as index into Function::locs; 0: nowhere.
};

/// How a special register is filled when a warp starts.
enum class Special : uint8_t {
  TidX, TidY, TidZ, NtidX, NtidY, NtidZ, CtaidX, CtaidY, CtaidZ, NctaidX, NctaidY, NctaidZ, LaneId, WarpId, NWarpId,
  SmId, NSmId, GridId, LanemaskEq, LanemaskLe, LanemaskLt, LanemaskGe, LanemaskGt, DynamicSmemSize, TotalSmemSize,
  IsExplicitCluster, ClusterCtaidX, ClusterCtaidY, ClusterCtaidZ, ClusterNctaidX, ClusterNctaidY, ClusterNctaidZ, ClusterCtaRank,
  ClusterNctaRank, ClusterIdX, ClusterIdY, ClusterIdZ, NClusterIdX, NClusterIdY, NClusterIdZ,
  /// Zero, and what a driver or a tool puts there, which is poison.
  Zero, Zero64, Unknown, Unknown64,
  /// Halves of the address of the grid's workspace: %envreg1 and %envreg2.
  WorkspaceHigh, WorkspaceLow,
  Vector, ///< All elements at once; the operand of mov.v4.
  Clock, Clock64, GlobalTimer, ClockHi, GlobalTimerLo, GlobalTimerHi, Count // the clocks are last
};

/// Of those that are constant in a thread: the row has 64 bits.
inline bool isWide(Special s) { return s == Special::GridId || s == Special::Zero64 || s == Special::Unknown64; }

/// A variable of the module or a function, in any space but registers.
struct Variable {
  std::string name;
  Space space = Space::Global;
  uint64_t bytes = 0;
  uint32_t align = 1;
  bool isExtern = false, sized = true, initialised = false;
  uint64_t address = 0; ///< Offset in its space; for shared variables relative to the static area.
  std::vector<uint8_t> init; ///< As far as the initialiser goes.
  /// `bytes` of the symbol's address, from its byte `firstByte` on.
  struct Reloc {
    uint64_t offset = 0;
    std::string symbol;
    int64_t addend = 0;
    bool generic = false;
    unsigned bytes = 8, firstByte = 0;
  };
  std::vector<Reloc> relocs;
};

/// A constant row whose value is an address known only at launch.
struct AddressConst {
  uint32_t off = 0; ///< Word offset in the constant pool.
  Space space = Space::Shared;
  uint32_t variable = 0; ///< Index into Module variables or Function shared variables.
  int64_t addend = 0;
  bool is64 = false, generic = false;
};

/// A device function in the code of an entry that may call it. Its registers are rows of the warp like others: a lane
/// that enters it again before it has left saves its own.
struct Piece {
  std::string name;
  uint32_t number = 0; ///< In the module.
  uint32_t first = 0;  ///< Instruction.
  uint32_t firstRegister = 0, endRegister = 0; ///< By index.
  std::vector<uint32_t> specials;              ///< Those of them that hold special registers.
  Opnd frame;                                  ///< Where the lane's frame starts in local memory.
  uint32_t frameBytes = 0, frameAlign = 16;
  Signature signature;
};

/// An entry, or while a module is parsed a device function. What an entry may call is linked into it.
struct Function {
  std::string name;
  std::vector<Inst> code;
  std::vector<CvtSpec> cvts;
  std::vector<VideoSpec> videos;
  std::vector<WgmmaSpec> wgmmas;
  std::vector<MmaSpec> mmas;
  std::vector<BulkSpec> bulks;
  std::vector<Loc> locs = {Loc()};
  std::vector<uint32_t> constants; ///< Rows of 32 lanes; 64-bit constants take 64 words.
  std::vector<AddressConst> addressConsts;
  std::vector<std::pair<Special, uint32_t>> specials; ///< Which special register lives at which row.
  std::vector<uint32_t> wgmmaRegs; ///< Register indices used by some wgmma.
  std::vector<std::string> regNames; ///< By register index, for messages.
  struct Row { uint32_t off = 0; uint8_t words = 0; }; ///< words: of a lane; 0: a predicate, one bit of a lane.
  std::vector<Row> regRows; ///< By register index.
  uint32_t regWords = 0, regCount = 1;
  uint32_t localBytes = 0; ///< The frame: parameters and results of a device function, variables, parameters of calls.
  uint32_t frameAlign = 16;
  bool usesBulk = false; ///< Has bulk copies to or from global memory.
  bool usesInterCta = false; ///< Has atomics or strong accesses on global memory.
  bool usesNc = false;       ///< Has loads with .nc.
  bool readsClocks = false;
  std::vector<Row> steadyRows; ///< Where it does: of registers that say something else than the time.
  bool usesFlags = false; ///< Has atomics or strong accesses on any memory.
  std::array<uint32_t, 3> reqntid = {0, 0, 0}, maxntid = {0, 0, 0}, reqcluster = {0, 0, 0};
  uint32_t maxnreg = 0, minCtas = 0, maxClusterRank = 0; ///< .maxnreg, .minnctapersm, .maxclusterrank; 0: absent.
  bool blocksAreClusters = false; ///< The grid of a launch counts clusters.
  // Calls.
  std::vector<CallSpec> calls;
  bool isDevice = false, isDeclared = false, isDefined = false; ///< .func; with a body.
  bool usesStack = false; ///< Has calls or alloca.
  bool usesHeap = false;
  int32_t aliasOf = -1; ///< .alias: the number of what it stands for.
  Signature signature;
  Opnd frame;
  /// Functions whose address it takes, and where.
  struct AddressTaken { uint32_t function, line, column; };
  std::vector<AddressTaken> addressesTaken;
  uint32_t variablesSeen = 0;  ///< Of the module, when it ended.
  std::vector<Piece> pieces;   ///< Of an entry.
  std::vector<int32_t> pieceOf; ///< By number in the module; -1: cannot be called from here.
  /// Shared variables that come after the entry in the file, and where they lie for it.
  llvm::DenseMap<uint32_t, uint32_t> sharedPlaces;
  /// Why nothing that has it can be launched, with its place in the PTX; empty: it can.
  std::string refused;
};

unsigned bytesOf(Ty ty);

/// The parsed module.
class Module final : public Program {
public:
  std::string fileName;
  std::vector<std::string> lines; ///< The PTX text, for reports.
  std::map<uint32_t, std::string> files;
  std::vector<Entry> publicEntries;
  std::vector<Function> functions; ///< Parallel to publicEntries.
  std::vector<Function> deviceFunctions; ///< By number; those that are only declared have no code.
  llvm::StringMap<uint32_t> functionNumbers;
  std::vector<Variable> variables;
  uint32_t staticSharedBytes = 0, dynamicSharedAlign = 16;
  uint64_t constBytes = 0;
  bool hasDynamicShared = false;
  unsigned version = 0; ///< .version, 86 for 8.6; 0: none yet.
  unsigned target = 0;  ///< .target: 90 for sm_90 and sm_90a; 0: none yet.
  bool isForOneTarget = false; ///< sm_90a

  llvm::ArrayRef<Entry> entries() const override { return publicEntries; }
  std::vector<Symbol> symbols() const override;
  llvm::ArrayRef<std::string> sourceLines() const override { return lines; }
  llvm::StringRef sourceName() const override { return fileName; }
  llvm::StringRef lineText(uint32_t line) const {
    return line >= 1 && line <= lines.size() ? llvm::StringRef(lines[line - 1]).trim() : llvm::StringRef();
  }
  /// The line as reports show it: register lists of more than four elided, tabs as blanks.
  std::string shownText(uint32_t line) const;
  std::string source(const Function &f, const Inst &inst) const;
};

/// Where a device function starts, in a window that holds no memory.
constexpr uint64_t kCodeBase = 0x0000740000000000ull;
inline uint64_t codeAddress(uint32_t number) { return kCodeBase + 16 * (uint64_t(number) + 1); }

/// Bits of an element of a matrix.
inline unsigned bitsOfElement(Ty ty) {
  return ty == Ty::B1 ? 1 : ty == Ty::S4 || ty == Ty::U4 ? 4 : ty == Ty::TF32 ? 32 : 8 * bytesOf(ty);
}
/// How many of them a register holds.
inline unsigned elementsOfRegister(Ty ty) { return ty == Ty::F64 ? 1 : ty == Ty::B1 ? 1 : 32 / bitsOfElement(ty); }

/// The variables in .global and .const, by number, that the function or what it may call names and the PTX does not
/// initialise: each once, in the order of the module.
std::vector<uint32_t> unsetVariables(const Module &module, const Function &fn);

/// The function of the device runtime of this name, or None.
Runtime runtimeByName(llvm::StringRef name);

/// Fills reconvergence points of every branch from the post-dominators of the flow graph. `gathers`: by number, and
/// last for calls through an address, whether a device function cares which lanes are together.
void computeReconvergence(Function &function, const std::vector<bool> &gathers);
/// Sets Function::readsClocks and steadyRows.
void findSteadyRows(Function &function);
/// Whether it has an instruction that cares which lanes are together, calls left out.
bool hasGatheringInstruction(const Function &function);

const char *className(Class c);

} // namespace tk::sim

#endif // TK_LIB_SIM_PTX_H
