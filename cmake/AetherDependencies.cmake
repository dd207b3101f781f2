# Everything Aether is built from, found where Debian and Ubuntu put it. `tools/setup` installs it.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(cnats 3.4 REQUIRED MODULE)
find_package(CAF 0.17.6 REQUIRED MODULE)

# msgpack-cxx, headers only. The name of its CMake package and its need of Boost differ by release,
# so the header is looked up instead; MSGPACK_NO_BOOST makes all releases alike.
find_path(AETHER_MSGPACK_INCLUDE_DIR msgpack.hpp)
if(NOT AETHER_MSGPACK_INCLUDE_DIR)
  message(FATAL_ERROR "msgpack.hpp not found. On Debian and Ubuntu: apt install libmsgpack-cxx-dev")
endif()
add_library(aether_msgpack INTERFACE)
target_include_directories(aether_msgpack SYSTEM INTERFACE "${AETHER_MSGPACK_INCLUDE_DIR}")
target_compile_definitions(aether_msgpack INTERFACE MSGPACK_NO_BOOST)
