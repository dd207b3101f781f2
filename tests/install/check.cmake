# Installs the build tree into a folder of its own, moves it, builds the consumer, and runs it.

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE "${WORK_DIR}")
run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${WORK_DIR}/installed")
# A package that still knows where it was built or installed breaks when it is moved.
file(RENAME "${WORK_DIR}/installed" "${WORK_DIR}/prefix")
file(GLOB_RECURSE package_files "${WORK_DIR}/prefix/*.cmake")
foreach(package_file IN LISTS package_files)
  file(READ "${package_file}" content)
  string(FIND "${content}" "${BUILD_DIR}" position)
  if(NOT position EQUAL -1)
    message(FATAL_ERROR "${package_file} names the build tree, ${BUILD_DIR}")
  endif()
endforeach()

run("${CMAKE_COMMAND}" -G Ninja -S "${CONSUMER_DIR}" -B "${WORK_DIR}/consumer"
  "-DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix" "-DCMAKE_CXX_COMPILER=${CXX_COMPILER}")
run("${CMAKE_COMMAND}" --build "${WORK_DIR}/consumer")
run("${WORK_DIR}/consumer/consumer")
