# troupe_library(NAME actors SOURCES a.cpp ... DEPS troupe::base ... PRIVATE_DEPS ... PCH <caf/...> ...)
function(troupe_library)
  cmake_parse_arguments(arg "" "NAME" "SOURCES;DEPS;PRIVATE_DEPS;PCH" ${ARGN})
  add_library(troupe_${arg_NAME} STATIC ${arg_SOURCES})
  add_library(troupe::${arg_NAME} ALIAS troupe_${arg_NAME})
  add_dependencies(troupe_${arg_NAME} check_layers)
  target_include_directories(troupe_${arg_NAME} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(troupe_${arg_NAME}
    PUBLIC ${arg_DEPS} PRIVATE troupe::options ${arg_PRIVATE_DEPS})
  set_target_properties(troupe_${arg_NAME} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  if(arg_PCH)
    target_precompile_headers(troupe_${arg_NAME} PRIVATE ${arg_PCH})
  endif()
endfunction()

# troupe_together(json json_events.cpp json_items.cpp ...): sources of this folder that are compiled
# as one, for they use the same heavy templates. The others stay on their own.
function(troupe_together group)
  if(TROUPE_TOGETHER)
    set_source_files_properties(${ARGN} PROPERTIES UNITY_GROUP ${group})
  endif()
endfunction()

# What nearly every file includes, for a folder without heavier headers of its own.
set(TROUPE_STD_PCH <algorithm> <chrono> <fmt/format.h> <functional> <map> <memory> <optional>
  <string> <unordered_map> <vector>)

# troupe_uses_protobuf(codec.cpp ...): sources of this folder that include generated headers.
# Under ThreadSanitizer these give map fields another layout than Debian's libprotobuf has; with
# the macro out of sight they do not.
function(troupe_uses_protobuf)
  if(TROUPE_SANITIZE MATCHES "thread")
    set_source_files_properties(${ARGN} PROPERTIES
      COMPILE_OPTIONS -U__SANITIZE_THREAD__ SKIP_PRECOMPILE_HEADERS ON)
  endif()
endfunction()

# For what runs once, or waits for others when it runs: half of the time it takes to compile such
# code at -O2 goes into making it faster.
set(TROUPE_COLD_OPTIONS $<$<CONFIG:RelWithDebInfo>:-O1>)

# What is tested is optimised; the tests themselves run once and are a third of the build, so
# they have no lines for a debugger either, unless the preset is made for one.
set(TROUPE_TEST_OPTIONS -O0 $<$<CONFIG:RelWithDebInfo>:-g0>)

# Everything that "ctest -L unit" runs, for builds that are made for these alone (scripts/test).
add_custom_target(unit_tests)

# troupe_test(NAME actors SOURCES a_test.cpp ... DEPS troupe::actors ... LABEL unit [PCH ...])
# Without headers of its own a test takes the precompiled ones of test_main; PCH_OF gives those of
# another test.
function(troupe_test)
  cmake_parse_arguments(arg "" "NAME;LABEL;TIMEOUT;PCH_OF" "SOURCES;DEPS;PCH" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(test_${arg_NAME} ${arg_SOURCES} $<TARGET_OBJECTS:test_main>)
  target_link_libraries(test_${arg_NAME} PRIVATE troupe::options ${arg_DEPS} doctest::doctest)
  target_include_directories(test_${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_options(test_${arg_NAME} PRIVATE ${TROUPE_TEST_OPTIONS})
  if("unit" IN_LIST arg_LABEL)
    add_dependencies(unit_tests test_${arg_NAME})
  endif()
  set_target_properties(test_${arg_NAME} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  if(arg_PCH)
    target_precompile_headers(test_${arg_NAME} PRIVATE ${arg_PCH})
  elseif(arg_PCH_OF)
    target_precompile_headers(test_${arg_NAME} REUSE_FROM test_${arg_PCH_OF})
  else()
    target_precompile_headers(test_${arg_NAME} REUSE_FROM test_main)
  endif()
  doctest_discover_tests(test_${arg_NAME}
    TEST_PREFIX "${arg_NAME}: "
    PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
endfunction()

# troupe_bench(NAME topk SOURCES topk_bench.cpp DEPS ...): one program under bench/.
function(troupe_bench)
  cmake_parse_arguments(arg "" "NAME" "SOURCES;DEPS" ${ARGN})
  add_executable(bench_${arg_NAME} ${arg_SOURCES})
  target_link_libraries(bench_${arg_NAME} PRIVATE troupe::options ${arg_DEPS})
  target_include_directories(bench_${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
endfunction()

# troupe_fuzz(NAME filter SOURCES filter_fuzz.cpp DEPS ...): a libFuzzer program under tests/fuzz.
function(troupe_fuzz)
  cmake_parse_arguments(arg "" "NAME" "SOURCES;DEPS" ${ARGN})
  add_executable(fuzz_${arg_NAME} ${arg_SOURCES})
  target_link_libraries(fuzz_${arg_NAME} PRIVATE troupe::options ${arg_DEPS})
  target_include_directories(fuzz_${arg_NAME} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_options(fuzz_${arg_NAME} PRIVATE -fsanitize=fuzzer)
  target_link_options(fuzz_${arg_NAME} PRIVATE -fsanitize=fuzzer)
endfunction()
