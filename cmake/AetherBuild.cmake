# How everything in this tree is compiled: compiler check, ccache, warnings, sanitizers, and the
# functions with which a module declares itself. Nothing here reaches a consumer of the package.

include(CheckCXXSourceCompiles)

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

set(CMAKE_REQUIRED_FLAGS "${CMAKE_CXX23_STANDARD_COMPILE_OPTION}")
check_cxx_source_compiles("#include <expected>
  int main() { return std::expected<int, int>{0}.value(); }" AETHER_HAS_STD_EXPECTED)
unset(CMAKE_REQUIRED_FLAGS)
if(NOT AETHER_HAS_STD_EXPECTED)
  message(FATAL_ERROR
    "Aether needs std::expected: g++ 12 or newer, or clang 19 or newer with libstdc++ 12 or newer. "
    "This is ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} (${CMAKE_CXX_COMPILER}); "
    "choose another with -DCMAKE_CXX_COMPILER=...")
endif()

if(PROJECT_IS_TOP_LEVEL AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(AETHER_CCACHE ccache)
  if(AETHER_CCACHE)
    # Without this sloppiness ccache never hits a source that uses a precompiled header.
    set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND};-E;env;CCACHE_SLOPPINESS=pch_defines,time_macros;${AETHER_CCACHE}")
  endif()
endif()

if(AETHER_TIDY)
  find_program(AETHER_CLANG_TIDY NAMES clang-tidy-21 clang-tidy-20 clang-tidy-19 clang-tidy)
  set(version "none")
  if(AETHER_CLANG_TIDY)
    execute_process(COMMAND "${AETHER_CLANG_TIDY}" --version OUTPUT_VARIABLE version)
    string(REGEX MATCH "version ([0-9]+)" version "${version}")
    set(version "${CMAKE_MATCH_1}")
  endif()
  if(NOT version GREATER_EQUAL 19)
    message(FATAL_ERROR
      "clang-tidy 19 or newer is needed, found: ${version}. Older ones do not know std::expected. "
      "Install it with: tools/setup --with clang-tidy-19")
  endif()
  set(CMAKE_CXX_CLANG_TIDY "${AETHER_CLANG_TIDY}")
endif()

# Warnings and sanitizers. Linked privately and only while building this tree.
add_library(aether_build_flags INTERFACE)
target_compile_options(aether_build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  $<$<BOOL:${AETHER_WERROR}>:-Werror>
)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT AETHER_TIDY)  # clang-tidy takes these for mistakes
  target_compile_options(aether_build_flags INTERFACE
    -fpch-preprocess  # ccache needs it
    -Wno-restrict     # false alarms on std::string's operator+, GCC bug 105651
  )
  if(AETHER_SANITIZE)
    target_compile_options(aether_build_flags INTERFACE
      -Wno-maybe-uninitialized)  # false alarms in instrumented code
  endif()
endif()
if(AETHER_SANITIZE)
  target_compile_options(aether_build_flags INTERFACE
    -fsanitize=${AETHER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(aether_build_flags INTERFACE -fsanitize=${AETHER_SANITIZE})
  if(AETHER_SANITIZE STREQUAL "address,undefined")
    # Half of the time to compile, for what the address sanitizer sees as well, and for alignment,
    # which the fuzzers check.
    target_compile_options(aether_build_flags INTERFACE
      -fno-sanitize=vptr,null,object-size,alignment)
  endif()
endif()

# Warns about sources below the calling folder that none of `targets` lists: lists go stale silently.
function(aether_check_listed targets)
  set(listed "")
  foreach(target IN LISTS targets)
    get_target_property(sources ${target} SOURCES)
    list(APPEND listed ${sources})
  endforeach()
  list(TRANSFORM listed REPLACE "^${CMAKE_CURRENT_SOURCE_DIR}/" "")
  file(GLOB_RECURSE present RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" CONFIGURE_DEPENDS
    ${ARGN})
  list(REMOVE_ITEM present ${listed})
  foreach(source IN LISTS present)
    message(WARNING
      "${source} is not listed in ${CMAKE_CURRENT_SOURCE_DIR}/CMakeLists.txt and is not built")
  endforeach()
endfunction()

# Makes static library `target` of a module one of the package's: alias aether::<name>, folders,
# language level, flags, installation.
function(aether_export target name)
  add_library(aether::${name} ALIAS ${target})
  target_compile_features(${target} PUBLIC cxx_std_23)
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>
    PRIVATE src
  )
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:aether_build_flags>)
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  install(TARGETS ${target} EXPORT aether-targets)
endfunction()

# Where AETHER_UNITY is on, the sources of a module are compiled some at a time: a third of the work.
# Those in `alone` have names of their own that others have too.
function(aether_unity target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "ALONE")
  set_target_properties(${target} PROPERTIES UNITY_BUILD "${AETHER_UNITY}" UNITY_BUILD_BATCH_SIZE 8)
  set_source_files_properties(${arg_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# Finishes static library `aether_<module>`, whose sources and dependencies are already declared,
# and the module. More arguments: other targets that sources of the module belong to.
function(aether_finish_module module)
  set(target aether_${module})
  get_target_property(sources ${target} SOURCES)
  if(NOT sources)
    message(WARNING "${target} lists no sources")
    file(CONFIGURE OUTPUT empty.cpp CONTENT "")
    target_sources(${target} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/empty.cpp")
  endif()
  aether_export(${target} ${module})
  install(DIRECTORY include/ TYPE INCLUDE)
  set(targets ${target} ${ARGN})
  aether_check_listed("${targets}" "${CMAKE_CURRENT_SOURCE_DIR}/src/*.cpp")
endfunction()

# Precompiles CAF for the sources of `target` that are named *caf*, and for them only: no other
# source may come to see CAF. Costs what one source costs, so it pays from the third on.
function(aether_precompile_caf target)
  get_target_property(sources ${target} SOURCES)
  set(shells ${sources})
  list(FILTER shells INCLUDE REGEX "caf[^/]*\\.cpp$")
  list(LENGTH shells count)
  if(count LESS 3)
    return()
  endif()
  list(REMOVE_ITEM sources ${shells})
  set_source_files_properties(${sources} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  target_precompile_headers(${target} PRIVATE <caf/all.hpp>)
endfunction()
