# The functions behind tests/CMakeLists.txt.

set(timeout_factor 1)
set(sanitizer_environment "")
if(AETHER_SANITIZE)
  set(timeout_factor 3)
  set(suppressions "${CMAKE_CURRENT_SOURCE_DIR}/sanitizers")
  set(sanitizer_environment
    "UBSAN_OPTIONS=print_stacktrace=1"
    "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
    "TSAN_OPTIONS=suppressions=${suppressions}/tsan.supp:second_deadlock_stack=1"
  )
endif()

add_library(aether_test_main OBJECT main.cpp)
target_link_libraries(aether_test_main PRIVATE aether_build_flags doctest::doctest)

# Builds executable aether_<set> and registers each of its test cases as a ctest test.
#
#   aether_test_set(<set> TIMEOUT <seconds> [LABEL <label>] [TARGET <name>] [LIBRARY <name>...]
#     [PER_SERVER] [ALONE] SOURCES <source>...)
#
# LABEL: the ctest label where it is not the set's name.
# TARGET: the executable's name where it is not aether_<set>.
# LIBRARY: targets that have the folder's other sources; the first one is linked with.
# PER_SERVER: once for each of AETHER_NATS_SERVERS, with the server's path in the environment
#             variable AETHER_NATS_SERVER and its label in front of the test's name.
# ALONE: no other test runs meanwhile.
function(aether_test_set set)
  cmake_parse_arguments(arg "PER_SERVER;ALONE" "TIMEOUT;LABEL;TARGET" "LIBRARY;SOURCES" ${ARGN})
  if(NOT arg_LABEL)
    set(arg_LABEL ${set})
  endif()
  file(GLOB_RECURSE present RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" CONFIGURE_DEPENDS
    "${CMAKE_CURRENT_SOURCE_DIR}/${set}/*.cpp")
  if(NOT arg_SOURCES)
    if(present)
      message(WARNING "tests/${set} has sources, but tests/CMakeLists.txt lists none")
    endif()
    return()
  endif()

  set(target aether_${set})
  if(arg_TARGET)
    set(target ${arg_TARGET})
  endif()
  add_executable(${target} ${arg_SOURCES})
  set(checked ${target} ${arg_LIBRARY})
  aether_check_listed("${checked}" "${CMAKE_CURRENT_SOURCE_DIR}/${set}/*.cpp")
  if(arg_LIBRARY)
    list(GET arg_LIBRARY 0 library)
    target_link_libraries(${target} PRIVATE ${library})
  endif()
  # The project's root is included from so that a test can reach a pure core: "actors/src/core/...".
  target_include_directories(${target} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${target} PRIVATE
    aether_test_main aether::cluster aether::conformance aether_build_flags doctest::doctest cnats::nats CAF::core
    nlohmann_json::nlohmann_json)
  aether_precompile_test(${target})

  # Programs that the tests run are handed over by name.
  set(programs "")
  if(AETHER_BUILD_EXAMPLES AND set STREQUAL "live")
    set(programs "AETHER_FLIGHTS=$<TARGET_FILE:flights>")
    add_dependencies(${target} flights)
  elseif(set STREQUAL "faults")
    set(programs
      "AETHER_CHAOS=$<TARGET_FILE:aether_chaos>" "AETHER_CHECK=$<TARGET_FILE:aether_check>")
    add_dependencies(${target} aether_chaos aether_check)
  endif()

  math(EXPR timeout "${arg_TIMEOUT} * ${timeout_factor}")
  set(executable "$<TARGET_FILE:${target}>")
  set(servers "none=")
  if(arg_PER_SERVER)
    set(servers "${AETHER_NATS_SERVERS}")
    if(NOT servers)
      message(WARNING "No nats-server: the ${set} tests are built, but not registered")
    endif()
  endif()
  set(script "${CMAKE_CURRENT_BINARY_DIR}/${target}_tests")
  configure_file(discover.cmake.in ${script}.cmake.in @ONLY)
  file(GENERATE OUTPUT ${script}.cmake INPUT ${script}.cmake.in)
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${script}.cmake)
endfunction()

# One precompiled header for all test executables: the first one has it, the others reuse it.
function(aether_precompile_test target)
  get_property(owner GLOBAL PROPERTY AETHER_TEST_HEADERS_OWNER)
  if(owner)
    target_precompile_headers(${target} REUSE_FROM ${owner})
    return()
  endif()
  set_property(GLOBAL PROPERTY AETHER_TEST_HEADERS_OWNER ${target})
  set(headers <doctest/doctest.h>)
  if(EXISTS "${PROJECT_SOURCE_DIR}/cluster/include/aether/aether.hpp")
    list(APPEND headers <aether/aether.hpp>)
  endif()
  target_precompile_headers(${target} PRIVATE ${headers})
endfunction()

# Target aether_headers_alone: compiles each public header as the only include of a source.
function(aether_headers_alone)
  set(sources "")
  foreach(module IN ITEMS runtime persistence actors cluster)
    set(include_dir "${PROJECT_SOURCE_DIR}/${module}/include")
    file(GLOB_RECURSE headers RELATIVE "${include_dir}" CONFIGURE_DEPENDS "${include_dir}/*.hpp")
    foreach(header IN LISTS headers)
      set(source "${CMAKE_CURRENT_BINARY_DIR}/headers_alone/${header}.cpp")
      file(CONFIGURE OUTPUT "${source}" CONTENT "#include <${header}>\n")
      list(APPEND sources "${source}")
    endforeach()
  endforeach()
  if(sources)
    add_library(aether_headers_alone OBJECT EXCLUDE_FROM_ALL ${sources})
    target_link_libraries(aether_headers_alone PRIVATE aether::cluster aether_build_flags)
  else()
    add_custom_target(aether_headers_alone)
  endif()
endfunction()
