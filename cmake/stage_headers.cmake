# Copies the public headers, and those that they include, to where one include folder is enough:
#
#   include/belay/x.hpp  ->  STAGE/include/belay/x.hpp
#   src/sync/x.hpp       ->  STAGE/include/belay/sync/x.hpp    "sync/x.hpp" becomes "belay/sync/x.hpp"
#
# The explored build is not part of the package.
#
#   cmake -D SOURCE=<top of the tree> -D STAGE=<folder> [-D WITHOUT=<public headers>] -P stage_headers.cmake

cmake_minimum_required(VERSION 3.25)
set(include_line "#include \"[^\"\n]+\"")
set(explored "#include \"sync/explored/explored.hpp\"")
file(REMOVE_RECURSE ${STAGE}/include)
file(GLOB_RECURSE pending RELATIVE ${SOURCE}/include ${SOURCE}/include/belay/*.hpp)
list(REMOVE_ITEM pending ${WITHOUT})
set(staged)
while(pending)
  list(POP_FRONT pending header)  # as installed: belay/…
  list(APPEND staged ${header})
  set(file ${SOURCE}/include/${header})
  if(NOT EXISTS ${file})
    string(REGEX REPLACE "^belay/" "${SOURCE}/src/" file ${header})
  endif()
  file(READ ${file} text)
  string(REPLACE "${explored}" "#error \"the explored build of belay is not installed\"" text "${text}")

  string(REGEX MATCHALL "${include_line}" lines "${text}")
  list(REMOVE_DUPLICATES lines)
  foreach(line ${lines})
    string(REGEX REPLACE ".*\"(.*)\"" "\\1" path "${line}")
    if(EXISTS ${SOURCE}/src/${path})
      string(REPLACE "${line}" "#include \"belay/${path}\"" text "${text}")
      set(path belay/${path})
    elseif(NOT EXISTS ${SOURCE}/include/${path} OR NOT path MATCHES "^belay/")
      message(FATAL_ERROR "${header} includes \"${path}\", which cannot be installed")
    endif()
    if(NOT path IN_LIST staged AND NOT path IN_LIST pending)
      list(APPEND pending ${path})
    endif()
  endforeach()
  file(WRITE ${STAGE}/include/${header} "${text}")
endwhile()
