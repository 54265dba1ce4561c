# Makes `output`, a C++ file, of `template`: @RF_EMBEDDED_TEXTS@ there becomes one line {"file name", R"(its text)"},
# for each of the files that follow, JSON, whose lines are joined and not indented: a sixth less in the program. A change of
# one of them runs CMake again.
function(rf_embed_texts output template)
  set(RF_EMBEDDED_TEXTS "")
  foreach(file ${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    get_filename_component(name ${file} NAME)
    file(READ ${file} text)
    string(REGEX REPLACE "\n *" "" text "${text}")
    string(APPEND RF_EMBEDDED_TEXTS "    {\"${name}\", R\"text(${text})text\"},\n")
  endforeach()
  configure_file(${template} ${output} @ONLY)
endfunction()
