# Static LLVM and MLIR 22.
#
# Debian's exported MLIR targets name the LLVM shared library. Mixing it with any static LLVM archive fails at
# start-up ("option registered more than once"), so every mention of it is replaced by the component archives,
# and the system libraries those ask for by their archives too. The result needs glibc and nothing else.

set(TK_LLVM_VERSION 22.1)
# LLVM's export files insist on these packages being present, even where nothing of them is linked.
find_package(MLIR ${TK_LLVM_VERSION} REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)
list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)
include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
separate_arguments(TK_LLVM_DEFINITIONS NATIVE_COMMAND ${LLVM_DEFINITIONS})
add_definitions(${TK_LLVM_DEFINITIONS})

# The components of LLVM that tk uses, beyond what MLIR's own libraries pull in.
set(TK_LLVM_COMPONENTS Core Support Demangle TargetParser IRReader BitWriter Linker Passes ipo Target
    NVPTXCodeGen NVPTXDesc NVPTXInfo)
list(TRANSFORM TK_LLVM_COMPONENTS PREPEND LLVM OUTPUT_VARIABLE tk_llvm_targets)
add_library(tk_llvm INTERFACE)
target_link_libraries(tk_llvm INTERFACE ${tk_llvm_targets})

find_library(TK_LIBZ NAMES libz.a REQUIRED)
find_library(TK_LIBZSTD NAMES libzstd.a REQUIRED)

get_property(tk_imported DIRECTORY PROPERTY IMPORTED_TARGETS)
foreach(target ${tk_imported})
  if(NOT target MATCHES "^(MLIR|LLVM)")
    continue()
  endif()
  get_target_property(libs ${target} INTERFACE_LINK_LIBRARIES)
  if(NOT libs)
    continue()
  endif()
  list(TRANSFORM libs REPLACE "^LLVM$" "tk_llvm")
  list(TRANSFORM libs REPLACE "^ZLIB::ZLIB$" "${TK_LIBZ}")
  list(TRANSFORM libs REPLACE "^zstd::libzstd_shared$" "${TK_LIBZSTD}")
  # Nothing in tk reads XML, solves with Z3, or edits lines interactively.
  list(FILTER libs EXCLUDE REGEX "LibXml2|libz3|LibEdit|CURL")
  set_property(TARGET ${target} PROPERTY INTERFACE_LINK_LIBRARIES "${libs}")
endforeach()

find_program(TK_FILECHECK NAMES FileCheck FileCheck-22 HINTS ${LLVM_TOOLS_BINARY_DIR})
find_program(TK_LIT NAMES lit lit.py llvm-lit-22 HINTS ${LLVM_TOOLS_BINARY_DIR})
