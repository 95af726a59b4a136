# The folders of the files, each once; those from a name on that could not be printed as it is, are left out.
[.[].path | split("/")[:-1] | .[: map(contains("\\")) | index(true)] | join("/")] | unique | .[]
