# Debian's libcaf-dev 0.17.6 ships no CMake package.
find_path(CAF_INCLUDE_DIR caf/config.hpp)
foreach(c IN LISTS CAF_FIND_COMPONENTS)
  find_library(CAF_${c}_LIBRARY caf_${c})
  list(APPEND _caf_required CAF_${c}_LIBRARY)
  if(CAF_${c}_LIBRARY AND NOT TARGET CAF::${c})
    add_library(CAF::${c} UNKNOWN IMPORTED)
    set_target_properties(CAF::${c} PROPERTIES
      IMPORTED_LOCATION ${CAF_${c}_LIBRARY}
      INTERFACE_INCLUDE_DIRECTORIES ${CAF_INCLUDE_DIR})
  endif()
endforeach()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CAF REQUIRED_VARS CAF_INCLUDE_DIR ${_caf_required})
