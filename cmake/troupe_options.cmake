option(TROUPE_BUILD_TESTS "Build the test programs" ON)
option(TROUPE_BUILD_BENCH "Build the benchmarks" OFF)
option(TROUPE_BUILD_FUZZ "Build the libFuzzer targets (needs clang)" OFF)
option(TROUPE_WERROR "Treat warnings as errors" ON)
option(TROUPE_TOGETHER "Compile sources with the same heavy templates as one" ON)
option(TROUPE_CCACHE "Use ccache where it is installed" ON)
set(TROUPE_SANITIZE "" CACHE STRING "e.g. address,undefined or thread; empty for none")

set(CMAKE_CXX_EXTENSIONS OFF)
# Lines and names for profiles and backtraces. Variables too, as -g has, cost a quarter of the
# time to build; the preset dev has them.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
find_program(CCACHE_PROGRAM ccache)
if(TROUPE_CCACHE AND CCACHE_PROGRAM)
  # The sloppiness is what ccache's manual asks for with precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
endif()

add_library(troupe_options INTERFACE)
add_library(troupe::options ALIAS troupe_options)
target_compile_features(troupe_options INTERFACE cxx_std_20)
target_compile_definitions(troupe_options INTERFACE TROUPE_VERSION="${PROJECT_VERSION}")
target_compile_options(troupe_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -Wformat=2 -Wundef
  $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
  $<$<BOOL:${TROUPE_WERROR}>:-Werror>)
# From 13 on, GCC's optimiser sees overflows inside std::string that are not there
# (gcc.gnu.org/PR105651, PR107852). GCC 12, the reference, stays strict.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
  target_compile_options(troupe_options INTERFACE
    -Wno-error=array-bounds -Wno-error=stringop-overflow -Wno-error=restrict)
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  target_link_options(troupe_options INTERFACE -fuse-ld=mold)
endif()
if(TROUPE_SANITIZE)
  target_compile_options(troupe_options INTERFACE
    -fsanitize=${TROUPE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(troupe_options INTERFACE -fsanitize=${TROUPE_SANITIZE})
  # Clang 14 cannot put the mark this check looks for in front of a coroutine.
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND TROUPE_SANITIZE MATCHES "undefined")
    target_compile_options(troupe_options INTERFACE -fno-sanitize=function)
  endif()
endif()
if(TROUPE_BUILD_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "TROUPE_BUILD_FUZZ needs clang: use the preset fuzz")
  endif()
  # Every library tells libFuzzer which edges an input reached.
  target_compile_options(troupe_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
