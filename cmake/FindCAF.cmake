# Finds the core library of CAF, the C++ Actor Framework; Debian's package has no CMake config.
#
# Defines target `CAF::core` and `CAF_VERSION`. Accepts 0.17.x only: 0.18 is another API.

find_path(CAF_INCLUDE_DIR caf/config.hpp)
find_library(CAF_CORE_LIBRARY caf_core)
mark_as_advanced(CAF_INCLUDE_DIR CAF_CORE_LIBRARY)

if(CAF_INCLUDE_DIR)
  file(STRINGS "${CAF_INCLUDE_DIR}/caf/config.hpp" CAF_VERSION REGEX "#define +CAF_VERSION +[0-9]+")
  string(REGEX MATCH "[0-9]+" CAF_VERSION "${CAF_VERSION}")  # 1706 is 0.17.6
  if(CAF_VERSION)
    math(EXPR caf_major "${CAF_VERSION} / 10000")
    math(EXPR caf_minor "${CAF_VERSION} / 100 % 100")
    math(EXPR caf_patch "${CAF_VERSION} % 100")
    set(CAF_VERSION "${caf_major}.${caf_minor}.${caf_patch}")
  endif()
endif()

set(caf_advice "On Debian and Ubuntu: apt install libcaf-dev")
if(CAF_VERSION VERSION_GREATER_EQUAL 0.18)
  set(caf_advice "CAF ${CAF_VERSION} in ${CAF_INCLUDE_DIR} is too new, Aether needs 0.17.6. \
${caf_advice}, and point CAF_INCLUDE_DIR and CAF_CORE_LIBRARY at it")
  unset(CAF_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CAF
  REQUIRED_VARS CAF_CORE_LIBRARY CAF_INCLUDE_DIR CAF_VERSION
  VERSION_VAR CAF_VERSION
  REASON_FAILURE_MESSAGE "${caf_advice}"
)

if(CAF_FOUND AND NOT TARGET CAF::core)
  find_package(Threads REQUIRED)
  add_library(CAF::core UNKNOWN IMPORTED)
  set_target_properties(CAF::core PROPERTIES
    IMPORTED_LOCATION "${CAF_CORE_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${CAF_INCLUDE_DIR}"
    INTERFACE_LINK_LIBRARIES Threads::Threads
  )
endif()
