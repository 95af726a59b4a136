# A line for each folder: what its files are called now.
[group_by(.path | split("/")[:-1])[]
  | (.[0].path | split("/")[:-1] | last // "" | if . == "" then "/" else . end) as $folder
  | [.[] | if .outcome == "tagged" then (.written | join(", ")) else .outcome end]
  | "\($folder): \(group_by(.) | map("\(.[0]) (\(length))") | join(", "))"]
| if length > 20 then .[:20] + ["and \(length - 20) folders more"] else . end | .[]
