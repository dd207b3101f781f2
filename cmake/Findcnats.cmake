# Finds cnats, the NATS client for C.
#
# Debian ships a CMake config, but that of 3.4.1 links development files which libnats-dev does not
# depend on (libprotobuf-c.so), so it fails on a machine with nothing else installed. The shared
# library needs none of them.
#
# Defines target `cnats::nats` and `cnats_VERSION`.

find_path(CNATS_INCLUDE_DIR nats/nats.h)
find_library(CNATS_LIBRARY nats)
mark_as_advanced(CNATS_INCLUDE_DIR CNATS_LIBRARY)

if(CNATS_INCLUDE_DIR)
  file(STRINGS "${CNATS_INCLUDE_DIR}/nats/version.h" cnats_VERSION REGEX "NATS_VERSION_STRING")
  string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" cnats_VERSION "${cnats_VERSION}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(cnats
  REQUIRED_VARS CNATS_LIBRARY CNATS_INCLUDE_DIR
  VERSION_VAR cnats_VERSION
  REASON_FAILURE_MESSAGE "On Debian and Ubuntu: apt install libnats-dev"
)

if(cnats_FOUND AND NOT TARGET cnats::nats)
  add_library(cnats::nats UNKNOWN IMPORTED)
  set_target_properties(cnats::nats PROPERTIES
    IMPORTED_LOCATION "${CNATS_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${CNATS_INCLUDE_DIR}"
  )
endif()
