"""docs/ptx-coverage.md against tk-sim's answers to every form of test/Sim/coverage/forms.py, and what those may not be."""

import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import sim_coverage  # noqa: E402

FORMS = sim_coverage.forms_module.all_forms()
ROWS = sim_coverage.rows_of(FORMS)


@pytest.fixture(scope="module")
def answers(build):
    return dict(zip(map(id, FORMS), sim_coverage.ask_sim(build / "bin" / "tk-sim", FORMS)))


@pytest.fixture(scope="module")
def ptxas():
    """ptxas's version, and what it refuses, by (section, row, name)."""
    return sim_coverage.read_ptxas(ROWS)


def test_the_page_is_what_tk_sim_does(answers, ptxas):
    page = sim_coverage.make_page(ROWS, *ptxas, answers)
    kept = (ROOT / "docs/ptx-coverage.md").read_text()
    new, old = page.splitlines(), kept.splitlines()
    changed = [f"now: {line}" for line in new if line not in old] + [f"kept: {line}" for line in old if line not in new]
    if page != kept:
        pytest.fail("run scripts/sim_coverage.py and read the difference:\n" + "\n".join(changed), pytrace=False)


def test_no_form_crashes(answers):
    assert [(form.name, answers[id(form)].message) for form in FORMS if answers[id(form)].kind == "crash"] == []


def test_refusals_show_their_line(answers):
    assert [(form.name, answers[id(form)].message) for form in FORMS if answers[id(form)].kind == "unclear"] == []


def test_what_ptxas_accepts_has_no_findings(answers, ptxas):
    """The kernels of the forms are right: initialised, fenced, waited for."""
    accepted = [form for form in FORMS if (form.section, form.row, form.name) not in ptxas[1]]
    assert len(accepted) > 3000
    assert [(form.name, answers[id(form)].message) for form in accepted if answers[id(form)].kind == "finding"] == []


def test_what_compilers_emit_is_listed(answers):
    """An instruction that nvcc or Triton made of the samples, and that no form has, is missing in the list."""
    assert {name: unknown for name, words, refused, unknown in sim_coverage.emitted_rows(ROWS, answers) if unknown} == {}


def test_ptxas_still_says_so(ptxas):
    """One form of forty, where the ptxas is at hand whose answers are kept."""
    program = shutil.which("ptxas") or pytest.skip("there is no ptxas")
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    if f"V{ptxas[0]}" not in version:
        pytest.skip(f"the answers are those of ptxas {ptxas[0]}")
    some = FORMS[::40]
    said = sim_coverage.ask_ptxas(program, some)
    kept = [ptxas[1].get((form.section, form.row, form.name)) for form in some]
    assert [(form.name, a, b) for form, a, b in zip(some, said, kept) if (a is None) != (b is None)] == []
