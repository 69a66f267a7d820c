# What every target shares: warnings, sanitizers, precompiled headers, ccache; and the three shapes of target.
set(Boost_USE_STATIC_LIBS ON)  # what we ship needs no Boost at run time
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Threads REQUIRED)
find_package(SQLite3 REQUIRED)

find_program(DRAY_CCACHE ccache)
if(DRAY_CCACHE)
  # The sloppiness is what ccache needs to reuse objects built with a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${DRAY_CCACHE})
endif()
find_program(DRAY_LLD ld.lld)
if(DRAY_LLD)
  add_link_options(-fuse-ld=lld)
endif()

option(DRAY_WERROR "warnings are errors: for CI and the dev preset, never for somebody who only builds" OFF)

add_library(dray_options INTERFACE)
if(DRAY_WERROR)
  target_compile_options(dray_options INTERFACE -Werror)
endif()
target_compile_options(dray_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -Wno-missing-field-initializers)  # designated initialisers leave defaults on purpose
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  target_compile_options(dray_options INTERFACE
    -Wno-stringop-overread          # gcc 12 sees a std::string compare of npos bytes that is not there
    -Wno-mismatched-new-delete  # gcc 12 sees one in every coroutine of Asio
    --param=ggc-min-heapsize=524288  # kB: the compiler's garbage collector took a tenth of the build
    -fpch-preprocess)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
  # libstdc++ 12's own std::stable_sort uses what it calls deprecated; gcc takes it for a system header's matter.
  target_compile_options(dray_options INTERFACE -Wno-deprecated-declarations)
endif()
# Files that are compiled as one: a local name of one hides nothing of another, and gcc takes what is in an anonymous
# namespace there for a header's. Builds of single files keep both warnings.
set(as_one $<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>)
target_compile_options(dray_options INTERFACE $<${as_one}:-Wno-shadow>
  $<$<AND:${as_one},$<CXX_COMPILER_ID:GNU>>:-Wno-subobject-linkage>)
target_compile_options(dray_options INTERFACE -fno-omit-frame-pointer)
if(DRAY_MUTANTS)
  target_compile_definitions(dray_options INTERFACE DRAY_MUTANTS)
endif()
if(DRAY_FUZZ)
  target_compile_options(dray_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_include_directories(dray_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(dray_options INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_COROUTINE BOOST_BEAST_USE_STD_STRING_VIEW
  # What Boost's own targets would add only here and there: a precompiled header wants it the same everywhere.
  BOOST_CONTAINER_DYN_LINK BOOST_CONTAINER_NO_LIB BOOST_JSON_DYN_LINK BOOST_JSON_NO_LIB BOOST_URL_DYN_LINK BOOST_URL_NO_LIB
  DRAY_VERSION="${PROJECT_VERSION}")
# What we ship carries nothing that it does not call.
target_compile_options(dray_options INTERFACE $<$<CONFIG:Release>:-ffunction-sections -fdata-sections>)
add_link_options($<$<CONFIG:Release>:-Wl,--gc-sections>)
if(DRAY_SANITIZE)
  # gcc's flow analysis sees ghosts in instrumented code; the plain builds keep the warning.
  if(DRAY_SANITIZE_NOT)
    list(APPEND sanitize_not -fno-sanitize=${DRAY_SANITIZE_NOT})
  endif()
  target_compile_options(dray_options INTERFACE -fsanitize=${DRAY_SANITIZE} ${sanitize_not} -fno-sanitize-recover=all
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(dray_options INTERFACE -fsanitize=${DRAY_SANITIZE})
  target_compile_definitions(dray_options INTERFACE DRAY_SANITIZED)
endif()

# One precompiled header for all but core (which must not see Asio), and the same made for size: the agent is small
# rather than fast (release builds; gcc takes no precompiled header of another optimisation).
file(WRITE ${CMAKE_BINARY_DIR}/pch.cc "")
function(dray_pch name)
  add_library(${name} STATIC ${CMAKE_BINARY_DIR}/pch.cc)
  target_link_libraries(${name} PUBLIC dray_options Boost::json Boost::url)
  target_precompile_headers(${name} PRIVATE
    <algorithm> <chrono> <functional> <map> <memory> <optional> <span> <string> <string_view> <variant> <vector>
    <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp> <boost/asio/io_context.hpp> <boost/asio/use_awaitable.hpp>
    <boost/asio/detached.hpp> <boost/asio/post.hpp> <boost/json.hpp>)
  set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)
endfunction()
dray_pch(dray_pch)
if(CMAKE_BUILD_TYPE STREQUAL Release)
  dray_pch(dray_small_pch)
  target_compile_options(dray_small_pch PRIVATE -Os)
endif()

# Precompiled header and, where `small`, optimisation for size.
function(dray_compile target small)
  if(small AND TARGET dray_small_pch)
    target_compile_options(${target} PRIVATE -Os)
    target_precompile_headers(${target} REUSE_FROM dray_small_pch)
  else()
    target_precompile_headers(${target} REUSE_FROM dray_pch)
  endif()
endfunction()

# Where things are, for tests: in a header of its own rather than on every command line, so that ccache knows an object
# again that was built in another checkout.
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/places.h @ONLY CONTENT
"// Made by cmake/Dray.cmake.
#pragma once
#define DRAY_SOURCE_DIR \"@CMAKE_SOURCE_DIR@\"
#define DRAY_BIN_DIR \"@CMAKE_BINARY_DIR@/bin\"
#define DRAY_PACKAGES_DIR \"@CMAKE_BINARY_DIR@/packages\"
")

# Where CMAKE_UNITY_BUILD (or the property UNITY_BUILD) asks for it, up to eight files of one folder are compiled as one:
# most of what a file costs is the inline code of its headers, and that is then generated once. Never files of two
# folders: a name in an anonymous namespace is unique in its folder (tests/integration/structure keeps it).
set(DRAY_UNITY_BATCH 8)
function(dray_unity target)
  get_target_property(files ${target} SOURCES)
  list(FILTER files INCLUDE REGEX "\\.cc$")
  list(SORT files)
  set(folders "")
  foreach(path ${files})
    get_filename_component(folder ${path} DIRECTORY)
    file(RELATIVE_PATH folder ${CMAKE_SOURCE_DIR} ${folder})
    string(MAKE_C_IDENTIFIER ${folder} folder)
    list(APPEND folders ${folder})
    list(APPEND in_${folder} ${path})
  endforeach()
  list(REMOVE_DUPLICATES folders)
  foreach(folder ${folders})
    # As even as can be: nine files are five and four.
    list(LENGTH in_${folder} count)
    math(EXPR batches "(${count} + ${DRAY_UNITY_BATCH} - 1) / ${DRAY_UNITY_BATCH}")
    set(number 0)
    foreach(path ${in_${folder}})
      math(EXPR batch "${number} * ${batches} / ${count}")
      set_source_files_properties(${path} PROPERTIES UNITY_GROUP ${folder}_${batch})
      math(EXPR number "${number} + 1")
    endforeach()
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
endfunction()

function(dray_sources out folder)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cc)
  list(FILTER files EXCLUDE REGEX "_test\\.cc$")
  set(${out} ${files} PARENT_SCOPE)
endfunction()

# dray_library(adapters/posix DEPS ports): all of src/adapters/posix, as target dray_adapters_posix. EXCEPT documents: that
# folder in it is a library of its own.
function(dray_library folder)
  cmake_parse_arguments(ARG "" "EXCEPT" "DEPS" ${ARGN})
  string(REPLACE / _ name dray_${folder})
  dray_sources(files src/${folder})
  if(ARG_EXCEPT)
    list(FILTER files EXCLUDE REGEX "/src/${folder}/${ARG_EXCEPT}/")
  endif()
  set(links dray_options)
  foreach(dep ${ARG_DEPS})
    string(REPLACE / _ dep ${dep})
    list(APPEND links dray_${dep})
  endforeach()
  if(NOT files)  # a folder that holds only headers so far
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ${links})
    return()
  endif()
  add_library(${name} STATIC ${files})
  dray_unity(${name})
  target_link_libraries(${name} PUBLIC ${links})
  if(folder STREQUAL base)
    target_link_libraries(${name} PUBLIC OpenSSL::Crypto Boost::headers)
  elseif(folder STREQUAL net)
    target_link_libraries(${name} PUBLIC Threads::Threads)
  elseif(folder STREQUAL adapters/sqlite)
    target_link_libraries(${name} PUBLIC SQLite::SQLite3)
  elseif(folder STREQUAL adapters/posix)
    target_link_libraries(${name} PUBLIC Threads::Threads)
  endif()
  if(folder MATCHES "^(base|core)$")
    if(DRAY_SANITIZE)  # quick to compile, and what thousands of random histories spend their time in
      target_compile_options(${name} PRIVATE -O1)
    endif()
  else()
    target_link_libraries(${name} PUBLIC Boost::json Boost::url)  # the same definitions as the precompiled header
    if(folder MATCHES "^(agent|agent/documents|adapters/toml)$")  # toml: every program reads its configuration, once
      set(small ON)
    else()
      set(small OFF)
    endif()
    dray_compile(${name} ${small})
  endif()
endfunction()

# dray_schema(dray_adapters_sqlite server): schema/server/NNNN_*.sql as a header "schema/server.h" with
# dray::schema::kServer, in the order of the numbers.
function(dray_schema target tier)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/schema/${tier}/*.sql)
  list(SORT files)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  string(SUBSTRING ${tier} 0 1 first)
  string(SUBSTRING ${tier} 1 -1 rest)
  string(TOUPPER ${first} first)
  set(text "// Made from schema/${tier}/*.sql by cmake/Dray.cmake.\n#pragma once\n\n#include <string_view>\n\n")
  string(APPEND text "namespace dray::schema {\ninline constexpr std::string_view k${first}${rest}[] = {\n")
  foreach(path ${files})
    file(READ ${path} sql)
    string(APPEND text "R\"dray(${sql})dray\",\n")
  endforeach()
  string(APPEND text "};\n}  // namespace dray::schema\n")
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/schema/${tier}.h CONTENT "${text}" @ONLY)
  target_include_directories(${target} PRIVATE ${CMAKE_BINARY_DIR}/generated)
endfunction()

# dray_web(dray_gateway gateway): web/gateway/* as a header "web/gateway.h": page.css is dray::web::kPageCss.
function(dray_web target page)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/${page}/*)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  set(text "// Made from web/${page}/* by cmake/Dray.cmake.\n#pragma once\n\n#include <string_view>\n\nnamespace dray::web {\n")
  foreach(path ${files})
    get_filename_component(name ${path} NAME)
    string(REGEX REPLACE "[.]" ";" words ${name})
    set(constant k)
    foreach(word ${words})
      string(SUBSTRING ${word} 0 1 first)
      string(SUBSTRING ${word} 1 -1 rest)
      string(TOUPPER ${first} first)
      string(APPEND constant ${first}${rest})
    endforeach()
    file(READ ${path} content)
    string(APPEND text "inline constexpr std::string_view ${constant} = R\"dray(${content})dray\";\n")
  endforeach()
  string(APPEND text "}  // namespace dray::web\n")
  file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/generated/web/${page}.h CONTENT "${text}")
  target_include_directories(${target} PRIVATE ${CMAKE_BINARY_DIR}/generated)
endfunction()

# dray_program(dray-server DEPS server net ...): apps/dray-server/*.cc. SMALL: size counts more than speed.
function(dray_program name)
  cmake_parse_arguments(ARG "SMALL" "FOLDER" "DEPS" ${ARGN})
  if(NOT ARG_FOLDER)
    set(ARG_FOLDER apps/${name})
  endif()
  dray_sources(files ${ARG_FOLDER})
  add_executable(${name} ${files})
  dray_unity(${name})
  dray_compile(${name} ${ARG_SMALL})
  foreach(dep ${ARG_DEPS})
    string(REPLACE / _ dep ${dep})
    target_link_libraries(${name} PRIVATE dray_${dep})
  endforeach()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

# dray_test_program(net_tests FOLDER tests/integration/net DEPS net ...): *_test.cc with GoogleTest.
function(dray_test_program name)
  cmake_parse_arguments(ARG "" "FOLDER" "DEPS" ${ARGN})
  find_package(GTest REQUIRED)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${ARG_FOLDER}/*.cc)
  if(NOT files)
    return()
  endif()
  add_executable(${name} ${files})
  dray_unity(${name})
  target_precompile_headers(${name} REUSE_FROM dray_pch)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/tests ${CMAKE_BINARY_DIR}/generated)
  target_link_libraries(${name} PRIVATE dray_options dray_test_support GTest::gtest GTest::gmock GTest::gtest_main)
  foreach(dep ${ARG_DEPS})
    string(REPLACE / _ dep ${dep})
    target_link_libraries(${name} PRIVATE dray_${dep})
  endforeach()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
endfunction()

# unit_tests: every *_test.cc that stands beside its source.
function(dray_unit_tests)
  find_package(GTest REQUIRED)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/*_test.cc ${CMAKE_SOURCE_DIR}/sim/*_test.cc)
  list(FILTER files EXCLUDE REGEX "/sim/(site|fleet)/")  # whole sites and fleets, thousands of runs: sim_tests
  add_executable(unit_tests ${files})
  dray_unity(unit_tests)
  target_precompile_headers(unit_tests REUSE_FROM dray_pch)
  target_include_directories(unit_tests PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
  target_link_libraries(unit_tests PRIVATE dray_sim dray_agent dray_ctl dray_server dray_gateway dray_net
    dray_adapters_posix dray_adapters_toml dray_adapters_sqlite dray_adapters_zones dray_options rapidcheck GTest::gtest GTest::gmock
    GTest::gtest_main)
  set_target_properties(unit_tests PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME unit_tests COMMAND unit_tests)
endfunction()

# sim_tests: the simulator's own tests and those of whole sites; in release they are quick.
function(dray_sim_tests)
  find_package(GTest REQUIRED)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/sim/*_test.cc)
  add_executable(sim_tests ${files})
  dray_unity(sim_tests)
  target_precompile_headers(sim_tests REUSE_FROM dray_pch)
  target_link_libraries(sim_tests PRIVATE dray_sim dray_options GTest::gtest GTest::gmock GTest::gtest_main)
  set_target_properties(sim_tests PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME sim_tests COMMAND sim_tests)
endfunction()
