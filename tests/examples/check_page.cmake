# Checks that the first C++ block of a page is, word for word, what stands between the marks
# [readme] and [/readme] of a source:
#
#   cmake -DPAGE=<file> -DSOURCE=<file> -P check_page.cmake

file(READ "${PAGE}" page)
file(READ "${SOURCE}" source)

# Sets `result` to what stands in `text` between two others.
function(between text first last result)
  string(FIND "${text}" "${first}" begin)
  if(begin EQUAL -1)
    message(FATAL_ERROR "there is no ${first}")
  endif()
  string(LENGTH "${first}" length)
  math(EXPR begin "${begin} + ${length}")
  string(SUBSTRING "${text}" ${begin} -1 rest)
  string(FIND "${rest}" "${last}" end)
  if(end EQUAL -1)
    message(FATAL_ERROR "there is no ${last}")
  endif()
  string(SUBSTRING "${rest}" 0 ${end} found)
  set(${result} "${found}" PARENT_SCOPE)
endfunction()

between("${page}" "```cpp\n" "```" shown)
between("${source}" "// [readme]\n" "// [/readme]" compiled)
if(NOT shown STREQUAL compiled)
  message(FATAL_ERROR "${PAGE} does not show ${SOURCE}; it should be:\n${compiled}")
endif()
