# tk_library(Name SOURCES ... [DEPENDS tablegen-targets] [LINK libs])
# A room of the house: static, with the include mirror of the same name.
function(tk_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  if(arg_DEPENDS)
    add_dependencies(${name} ${arg_DEPENDS})
  endif()
  target_link_libraries(${name} PUBLIC ${arg_LINK})
endfunction()

# tk_tool(name SOURCES ... LINK ...): a main in build/bin.
function(tk_tool name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINK} tk_program)
endfunction()

# tk_tablegen(target file.td "out.inc -gen-flag..." ...)
# mlir_tablegen for several outputs of one .td file.
macro(tk_tablegen target td)
  set(LLVM_TARGET_DEFINITIONS ${td})
  foreach(tk_output ${ARGN})
    separate_arguments(tk_output)
    mlir_tablegen(${tk_output})
  endforeach()
  add_public_tablegen_target(${target})
endmacro()
