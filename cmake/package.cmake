# The installed package: what find_package(belay) and pkg-config give to C++ programs.
#
#   lib/libbelay_core.a        the core
#   lib/libbelay_core_tsan.a   the same for programs built with -fsanitize=thread, under other names:
#                              the headers choose, so both are always on the link line
#   include/belay/             the public headers, and below it those that they include
#   lib/cmake/belay/           find_package(belay): belay::core
#   lib/pkgconfig/belay.pc     pkg-config belay
#   share/man/man7/            belay_cancel(7)
#
# Everything here is of the component `development`; src/cli installs the component `tools`.
include(CMakePackageConfigHelpers)
include(CheckCXXSourceCompiles)
include(GNUInstallDirs)

# Headers as they are installed: one include folder is enough for them.
set(BELAY_STAGE ${CMAKE_BINARY_DIR}/package)
file(GLOB_RECURSE BELAY_PACKAGE_HEADERS CONFIGURE_DEPENDS include/belay/*.hpp src/sync/*.hpp src/core/*.hpp)
add_custom_command(
  OUTPUT ${BELAY_STAGE}/stamp
  COMMAND ${CMAKE_COMMAND} -D SOURCE=${CMAKE_SOURCE_DIR} -D STAGE=${BELAY_STAGE}
          -P ${CMAKE_SOURCE_DIR}/cmake/stage_headers.cmake
  COMMAND ${CMAKE_COMMAND} -E touch ${BELAY_STAGE}/stamp
  DEPENDS ${BELAY_PACKAGE_HEADERS} ${CMAKE_SOURCE_DIR}/cmake/stage_headers.cmake
  COMMENT "Headers of the package" VERBATIM)
add_custom_target(belay_headers ALL DEPENDS ${BELAY_STAGE}/stamp)

# ThreadSanitizer must see every atomic of the core, or it reports races that are none.
set(CMAKE_REQUIRED_FLAGS -fsanitize=thread)
check_cxx_source_compiles("int main() {}" BELAY_HAS_TSAN)
unset(CMAKE_REQUIRED_FLAGS)
set(BELAY_PACKAGE_TARGETS belay_core)
set(BELAY_PC_LIBS -lbelay_core)
if(BELAY_HAS_TSAN)
  get_target_property(sources belay_core SOURCES)
  add_library(belay_core_tsan STATIC ${sources})
  add_dependencies(belay_core_tsan belay_headers)
  target_include_directories(belay_core_tsan BEFORE PRIVATE ${BELAY_STAGE}/tsan)
  target_link_libraries(belay_core_tsan PRIVATE $<BUILD_INTERFACE:belay_flags>)
  target_compile_options(belay_core_tsan PRIVATE -fsanitize=thread $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
  set_target_properties(belay_core_tsan PROPERTIES POSITION_INDEPENDENT_CODE ON EXPORT_NAME core_tsan)
  target_link_libraries(belay_core INTERFACE $<INSTALL_INTERFACE:belay::core_tsan>)
  list(APPEND BELAY_PACKAGE_TARGETS belay_core_tsan)
  list(APPEND BELAY_PC_LIBS -lbelay_core_tsan)
endif()
if(NOT BELAY_TESTS)  # a build for installing: whoever asks for the library gets what belongs to it
  add_dependencies(belay_core belay_headers ${BELAY_PACKAGE_TARGETS})
endif()

set_target_properties(belay_core PROPERTIES EXPORT_NAME core)
target_compile_features(belay_core INTERFACE cxx_std_20)
install(TARGETS ${BELAY_PACKAGE_TARGETS} EXPORT belay-targets COMPONENT development
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${BELAY_STAGE}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)

set(BELAY_CMAKE_FOLDER ${CMAKE_INSTALL_LIBDIR}/cmake/belay)
install(EXPORT belay-targets NAMESPACE belay:: DESTINATION ${BELAY_CMAKE_FOLDER} COMPONENT development)
configure_package_config_file(cmake/belay-config.cmake.in ${BELAY_STAGE}/belay-config.cmake
                              INSTALL_DESTINATION ${BELAY_CMAKE_FOLDER})
write_basic_package_version_file(${BELAY_STAGE}/belay-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${BELAY_STAGE}/belay-config.cmake ${BELAY_STAGE}/belay-config-version.cmake
        DESTINATION ${BELAY_CMAKE_FOLDER} COMPONENT development)

# The prefix is found from where belay.pc lies, so that an installed tree can be moved.
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
  set(BELAY_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
  set(BELAY_PC_LIBDIR ${CMAKE_INSTALL_FULL_LIBDIR})
  set(BELAY_PC_INCLUDEDIR ${CMAKE_INSTALL_FULL_INCLUDEDIR})
else()
  file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  string(REGEX REPLACE "/$" "" BELAY_PC_PREFIX "\${pcfiledir}/${up}")
  set(BELAY_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  set(BELAY_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
list(JOIN BELAY_PC_LIBS " " BELAY_PC_LIBS)
configure_file(cmake/belay.pc.in ${BELAY_STAGE}/belay.pc @ONLY)
install(FILES ${BELAY_STAGE}/belay.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

install(FILES man/belay_cancel.7 DESTINATION ${CMAKE_INSTALL_MANDIR}/man7 COMPONENT development)
