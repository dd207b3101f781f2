# The installed package: find_package(aether) gives aether::runtime|persistence|actors|cluster|conformance.

include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/aether")
configure_package_config_file(
  "${CMAKE_CURRENT_LIST_DIR}/aether-config.cmake.in" aether-config.cmake
  INSTALL_DESTINATION "${package_dir}"
)
write_basic_package_version_file(aether-config-version.cmake COMPATIBILITY SameMinorVersion)

install(EXPORT aether-targets NAMESPACE aether:: DESTINATION "${package_dir}")
install(
  FILES
    "${CMAKE_CURRENT_BINARY_DIR}/aether-config.cmake"
    "${CMAKE_CURRENT_BINARY_DIR}/aether-config-version.cmake"
  DESTINATION "${package_dir}"
)
# The static libraries still need to link these, and Debian has no usable config for either.
install(
  FILES "${CMAKE_CURRENT_LIST_DIR}/FindCAF.cmake" "${CMAKE_CURRENT_LIST_DIR}/Findcnats.cmake"
  DESTINATION "${package_dir}/modules"
)
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
