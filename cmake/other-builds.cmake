# SPDX-License-Identifier: Apache-2.0
# Makes one test of the suite out of each other build folder: the unit tests under sanitizers, in one process since to
# start one takes longer than most of them, and the fuzzers.
if(SOCKWARDEN_TESTS AND NOT SOCKWARDEN_SANITIZE AND NOT SOCKWARDEN_FUZZ)
  add_test(NAME unit-asan COMMAND ${PROJECT_SOURCE_DIR}/build/asan/tests/unit/unit_tests --gtest_brief=1)
  add_test(NAME policy-asan COMMAND ${PROJECT_SOURCE_DIR}/build/asan/tests/unit/policy/policy_tests --gtest_brief=1)
  set_tests_properties(unit-asan policy-asan PROPERTIES LABELS unit TIMEOUT 600)
  add_test(NAME fuzz-fuzz COMMAND ${CMAKE_CTEST_COMMAND} --preset fuzz WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(fuzz-fuzz PROPERTIES LABELS fuzz TIMEOUT 600)
endif()
