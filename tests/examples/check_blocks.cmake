# Checks that the C++ blocks of a page compile, together and in their order, as one source:
#
#   cmake -DPAGE=<file> -DSOURCE=<file to write> -DCXX_COMPILER=<path> "-DFLAGS=<flags, separated by ;>" -P check_blocks.cmake
#
# -DONLY_FIRST=ON: the other blocks belong to no program. -DWITHIN=<header>: each block stands in a
# function of its own, behind that header.

cmake_policy(VERSION 3.25)
file(READ "${PAGE}" page)
set(includes "")
set(code "")
set(blocks 0)
set(seen 0)
set(rest "${page}")

while(NOT (ONLY_FIRST AND blocks EQUAL 1))
  string(FIND "${rest}" "```cpp\n" begin)
  if(begin EQUAL -1)
    break()
  endif()
  math(EXPR begin "${begin} + 7")
  string(SUBSTRING "${rest}" ${begin} -1 rest)
  string(FIND "${rest}" "```" end)
  string(SUBSTRING "${rest}" 0 ${end} block)

  # Errors are to name the page and the line there.
  math(EXPR seen "${seen} + ${begin}")
  string(SUBSTRING "${page}" 0 ${seen} before)
  string(REGEX REPLACE "[^\n]" "" before "${before}")
  string(LENGTH "${before}" line)
  math(EXPR line "${line} + 1")
  math(EXPR blocks "${blocks} + 1")
  if(WITHIN)
    string(REGEX MATCHALL "#include [^\n]*\n" found "${block}")
    string(APPEND includes ${found})
    string(REGEX REPLACE "#include [^\n]*" "" block "${block}")
    string(APPEND code "void block_${blocks}() {\n#line ${line} \"${PAGE}\"\n${block}}\n")
  else()
    string(APPEND code "#line ${line} \"${PAGE}\"\n${block}")
  endif()
endwhile()
if(blocks EQUAL 0)
  message(FATAL_ERROR "${PAGE} has no C++ block")
endif()
if(WITHIN)
  set(code "${includes}#include \"${WITHIN}\"\n${code}")
endif()
file(WRITE "${SOURCE}" "${code}")

execute_process(
  COMMAND "${CMAKE_COMMAND}" -E env LC_ALL=C
    "${CXX_COMPILER}" ${FLAGS} -Wall -Wextra -Werror -fsyntax-only "${SOURCE}"
  RESULT_VARIABLE result ERROR_VARIABLE output OUTPUT_QUIET)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PAGE}: its code does not compile:\n${output}")
endif()
