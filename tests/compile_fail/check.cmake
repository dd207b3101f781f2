# Checks that one source does not compile, and that the compiler's first error says why:
#
#   cmake -DSOURCE=<source> -DCXX_COMPILER=<path> "-DFLAGS=<flags, separated by ;>" -P check.cmake
#
# The source's first line names a part of that error's text: "// expect: <text>", or "success".

file(STRINGS "${SOURCE}" first_line LIMIT_COUNT 1)
if(NOT first_line MATCHES "^// expect: (.+)$")
  message(FATAL_ERROR "${SOURCE}: the first line is no '// expect: <text>'")
endif()
set(expected "${CMAKE_MATCH_1}")

execute_process(
  COMMAND "${CMAKE_COMMAND}" -E env LC_ALL=C
    "${CXX_COMPILER}" ${FLAGS} -fsyntax-only "${SOURCE}"
  RESULT_VARIABLE result ERROR_VARIABLE output OUTPUT_QUIET)

if(expected STREQUAL "success")
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${SOURCE} does not compile:\n${output}")
  endif()
  return()
endif()
if(result EQUAL 0)
  message(FATAL_ERROR "${SOURCE} compiles; expected the error: ${expected}")
endif()

string(REGEX MATCH "[^\n]*error:[^\n]*" first_error "${output}")
string(FIND "${first_error}" "${expected}" found)
if(found EQUAL -1)
  message(FATAL_ERROR
    "${SOURCE}\nexpected: ${expected}\nfirst error: ${first_error}\nwhole output:\n${output}")
endif()
