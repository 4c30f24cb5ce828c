# The installed package: what find_package(belay) and pkg-config give to C++ programs.
#
#   lib/libbelay_core.a         the core
#   lib/libbelay_uring.a        its bridge to io_uring, where liburing was found
#   lib/libbelay_*_tsan.a       the same for programs built with -fsanitize=thread, under other names:
#                               the headers choose, so both are always on the link line
#   include/belay/              the public headers, and below it those that they include
#   lib/cmake/belay/            find_package(belay): belay::core, belay::uring
#   lib/pkgconfig/belay*.pc     pkg-config belay, belay-uring
#   share/man/man7/             belay_cancel(7)
#
# Everything here is of the component `development`; src/cli installs the component `tools`. The target
# belay_package builds it.
include(CMakePackageConfigHelpers)
include(CheckCXXSourceCompiles)
include(GNUInstallDirs)

# Headers as they are installed: one include folder is enough for them.
set(BELAY_STAGE ${CMAKE_BINARY_DIR}/package)
set(BELAY_WITHOUT)
if(NOT TARGET belay_uring)
  set(BELAY_WITHOUT belay/uring_canceller.hpp)
endif()
file(GLOB_RECURSE BELAY_PACKAGE_HEADERS CONFIGURE_DEPENDS include/belay/*.hpp src/sync/*.hpp src/core/*.hpp)
add_custom_command(
  OUTPUT ${BELAY_STAGE}/stamp
  COMMAND ${CMAKE_COMMAND} -D SOURCE=${CMAKE_SOURCE_DIR} -D STAGE=${BELAY_STAGE}
          -D WITHOUT=${BELAY_WITHOUT} -P ${CMAKE_SOURCE_DIR}/cmake/stage_headers.cmake
  COMMAND ${CMAKE_COMMAND} -E touch ${BELAY_STAGE}/stamp
  DEPENDS ${BELAY_PACKAGE_HEADERS} ${CMAKE_SOURCE_DIR}/cmake/stage_headers.cmake
  COMMENT "Headers of the package" VERBATIM)
add_custom_target(belay_headers ALL DEPENDS ${BELAY_STAGE}/stamp)

# ThreadSanitizer must see every atomic of the core, or it reports races that are none.
set(CMAKE_REQUIRED_FLAGS -fsanitize=thread)
check_cxx_source_compiles("int main() {}" BELAY_HAS_TSAN)
unset(CMAKE_REQUIRED_FLAGS)
set(BELAY_PACKAGE_TARGETS)
function(belay_package name)  # belay_<name> is installed as belay::<name>, and its instrumented twin
  set(libraries belay_${name})
  set_target_properties(belay_${name} PROPERTIES EXPORT_NAME ${name})
  if(BELAY_HAS_TSAN)
    get_target_property(sources belay_${name} SOURCES)
    add_library(belay_${name}_tsan STATIC ${sources})
    target_link_libraries(belay_${name}_tsan PRIVATE $<BUILD_INTERFACE:belay_flags>)
    target_compile_options(belay_${name}_tsan PRIVATE -fsanitize=thread)
    set_target_properties(belay_${name}_tsan PROPERTIES POSITION_INDEPENDENT_CODE ON
                          EXPORT_NAME ${name}_tsan)
    target_link_libraries(belay_${name} INTERFACE $<INSTALL_INTERFACE:belay::${name}_tsan>)
    list(APPEND libraries belay_${name}_tsan)
  endif()
  set(BELAY_PACKAGE_TARGETS ${BELAY_PACKAGE_TARGETS} ${libraries} PARENT_SCOPE)
  list(TRANSFORM libraries PREPEND -l)
  list(JOIN libraries " " libraries)
  set(BELAY_PC_LIBS_${name} ${libraries} PARENT_SCOPE)
endfunction()

belay_package(core)
target_compile_features(belay_core INTERFACE cxx_std_20)
if(TARGET belay_uring)
  belay_package(uring)
  if(BELAY_HAS_TSAN)
    target_include_directories(belay_uring_tsan SYSTEM PRIVATE ${BELAY_LIBURING_INCLUDE})
  endif()
endif()
add_custom_target(belay_package)  # all that is installed
add_dependencies(belay_package belay_headers ${BELAY_PACKAGE_TARGETS})
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
configure_file(cmake/belay.pc.in ${BELAY_STAGE}/belay.pc @ONLY)
set(BELAY_PC_FILES ${BELAY_STAGE}/belay.pc)
if(TARGET belay_uring)
  configure_file(cmake/belay-uring.pc.in ${BELAY_STAGE}/belay-uring.pc @ONLY)
  list(APPEND BELAY_PC_FILES ${BELAY_STAGE}/belay-uring.pc)
endif()
install(FILES ${BELAY_PC_FILES} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

install(FILES man/belay_cancel.7 DESTINATION ${CMAKE_INSTALL_MANDIR}/man7 COMPONENT development)
