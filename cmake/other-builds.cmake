# SPDX-License-Identifier: Apache-2.0
# Makes one test of the suite out of each other build folder: the unit tests under sanitizers, and the fuzzers.
if(SOCKWARDEN_TESTS AND NOT SOCKWARDEN_SANITIZE AND NOT SOCKWARDEN_FUZZ)
  foreach(part unit:asan fuzz:fuzz)
    string(REGEX MATCH "^(.*):(.*)$" _ ${part})
    set(label ${CMAKE_MATCH_1})
    set(preset ${CMAKE_MATCH_2})
    if(EXISTS ${PROJECT_SOURCE_DIR}/tests/${label}/CMakeLists.txt)
      add_test(NAME ${label}-${preset} COMMAND ${CMAKE_CTEST_COMMAND} --preset ${preset}
               WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
      set_tests_properties(${label}-${preset} PROPERTIES LABELS ${label} TIMEOUT 600)
    endif()
  endforeach()
endif()
