# SPDX-License-Identifier: Apache-2.0
# sockwarden_bpf_object(TARGET SOURCE [FOLDER]...): compiles a BPF program with clang into TARGET.bpf.o in the current
# build folder, and makes a target of that name. Headers are beside the source and in the folders. The build needs no BTF of the machine.
find_program(SOCKWARDEN_CLANG NAMES clang clang-16 clang-14 REQUIRED)

function(sockwarden_bpf_object target source)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${target}.bpf.o)
  get_filename_component(folder ${source} DIRECTORY)
  set(patterns ${folder}/*.h ${PROJECT_SOURCE_DIR}/catalog/*.def ${PROJECT_SOURCE_DIR}/catalog/*.h)
  set(includes)
  foreach(other ${ARGN})
    list(APPEND patterns ${other}/*.h)
    list(APPEND includes -I${other})
  endforeach()
  file(GLOB headers CONFIGURE_DEPENDS ${patterns})
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${SOCKWARDEN_CLANG} -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_x86 -Wall -Wextra -Werror
            -Wno-unused-parameter -Wno-unused-function -ffile-prefix-map=${PROJECT_SOURCE_DIR}/= ${includes} -c ${source} -o ${object}
    DEPENDS ${source} ${headers}
    COMMENT "Compiling BPF ${target}"
    VERBATIM)
  add_custom_target(${target}_bpf DEPENDS ${object})
  set_target_properties(${target}_bpf PROPERTIES BPF_OBJECT ${object})
endfunction()
