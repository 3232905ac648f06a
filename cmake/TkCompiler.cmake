# Compiler-wide settings: cache, linker, warnings, sanitizers.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# Release keeps assertions of our own code off, as Debian's LLVM does; -O2 is as fast as -O3 here and
# compiles MLIR's templates noticeably sooner.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

find_program(TK_CCACHE ccache)
if(TK_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # base_dir makes paths relative, so that another checkout folder hits the same cache.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
               CCACHE_SLOPPINESS=pch_defines,time_macros ${TK_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
endif()

add_compile_options(
  -Wall -Wextra -Wno-unused-parameter -ffunction-sections -fdata-sections
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_link_options(-fuse-ld=lld)
endif()
add_link_options(-Wl,--gc-sections)

# Coverage that libFuzzer sees; the programs in test/fuzz link libFuzzer itself.
if(TK_BUILD_FUZZERS)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Every program links tk_program (tk_tool and tk_unittest see to it).
if(TK_ENABLE_SANITIZERS)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
                      -fno-sanitize=vptr)
  add_link_options(-fsanitize=address,undefined)
  add_library(tk_program OBJECT ${CMAKE_CURRENT_LIST_DIR}/SanitizerOptions.c)
else()
  add_library(tk_program INTERFACE)
  # The tools are copied to machines that have nothing but glibc.
  add_link_options(-static-libstdc++ -static-libgcc)
endif()
