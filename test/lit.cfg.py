# lit's configuration for everything below test/ but the unit tests and the pytest tests.
#
# What depends on the build comes from BUILD/test/lit.site.cfg.py. `lit test/some/file.mlir` works too: then the
# site configuration of $TK_BUILD, or of build/, is loaded from here.

import os
import shutil
import sys

import lit.formats

# pylint: disable=undefined-variable
here = os.path.dirname(os.path.abspath(__file__))

if not hasattr(config, "tk_build"):
    build = os.environ.get("TK_BUILD", os.path.join(os.path.dirname(here), "build"))
    site = os.path.join(build, "test", "lit.site.cfg.py")
    if not os.path.exists(site):
        lit_config.fatal(f"{site} does not exist: build first (./tk build), or set TK_BUILD to the build folder")
    lit_config.load_config(config, site)
    raise SystemExit()

config.name = "tk"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".ptx", ".test"]
# "corpus": what the fuzzers found; TKSimTests replays it (Fuzz.*).
config.excludes = ["unit", "python", "Inputs", "corpus", "lit.cfg.py", "CMakeLists.txt"]
config.test_source_root = here
config.test_exec_root = os.path.join(config.tk_build, "test")

# --- Tools -------------------------------------------------------------------------------------------------
# tk's own tools are substituted by their full paths, so that nothing of the same name on PATH is tested by
# mistake; a tool that is not built makes the test that names it say so. LLVM's tools are found on PATH.
tk_bin = os.path.join(config.tk_build, "bin")
for tool in ("tk-opt", "tk-compile", "tk-run", "tk-sim", "tk-lsp-server", "tk-reduce"):
    path = os.path.join(tk_bin, tool)
    if not os.path.exists(path):
        path = f"{tool}-is-not-built--run-ninja-{tool}"
    config.substitutions.append((rf"(?<![-\w/.]){tool}(?![-\w/.])", path))
for tool in ("FileCheck", "not", "count", "split-file"):
    if not os.path.exists(os.path.join(config.llvm_bin, tool)):
        lit_config.fatal(f"{tool} is not in {config.llvm_bin}: it is in Debian's llvm-22-tools (./tk setup)")

venv_python = os.path.join(config.tk_source, ".venv", "bin", "python")
config.substitutions += [
    ("%python", venv_python if os.path.exists(venv_python) else sys.executable),
    ("%tk_source", config.tk_source),
    ("%examples", os.path.join(config.tk_source, "examples")),
]

# --- Environment and features ------------------------------------------------------------------------------
# The same places as the tools look into (lib/Runtime), but for the option.
path = [config.llvm_bin]
if os.environ.get("CUDA_HOME"):
    path.append(os.path.join(os.environ["CUDA_HOME"], "bin"))
path += os.environ.get("PATH", "").split(os.pathsep)
venv = os.environ.get("VIRTUAL_ENV", os.path.join(config.tk_source, ".venv"))
path += [os.path.join(venv, "lib", f"python{sys.version_info[0]}.{sys.version_info[1]}",
                      "site-packages", "nvidia", "cu13", "bin")]
ptxas = shutil.which("ptxas", path=os.pathsep.join(path))
if ptxas:
    config.available_features.add("ptxas")
    config.substitutions.append(("%ptxas", ptxas))
config.environment["PATH"] = os.pathsep.join(path)
config.environment["VIRTUAL_ENV"] = venv
# FileCheck shows the input around a failure.
config.environment["FILECHECK_OPTS"] = "--dump-input-filter=error --color=0"
for name in ("CUDA_HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS", "ASAN_SYMBOLIZER_PATH"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

if config.tk_sanitizers:
    config.available_features.add("sanitizers")
