# Runs a program without arguments, and checks that it ends well and prints what a file holds:
#
#   cmake -DPROGRAM=<path> -DEXPECTED=<file> -P check.cmake

execute_process(COMMAND "${PROGRAM}" RESULT_VARIABLE result OUTPUT_VARIABLE output
  ERROR_VARIABLE errors TIMEOUT 50)
file(READ "${EXPECTED}" expected)
if(NOT result EQUAL 0 OR NOT output STREQUAL expected)
  message(FATAL_ERROR
    "${PROGRAM}: status ${result}\nexpected:\n${expected}\nfound:\n${output}\n${errors}")
endif()
