# Prints what go test -json has of the tests that did not pass, and of packages that did not: jq -nRr -f failed.jq LOG.
def event: (fromjson? | objects) // {Action: "output", Output: "\(.)\n"}; # what a compiler says is no JSON

reduce (inputs | event) as $e ({};
  "\($e.ImportPath // $e.Package // "") \($e.Test // "")" as $of
  | if $e.Action == "pass" or $e.Action == "skip" then del(.[$of])
    elif $e.Output and ($e.Output | startswith("=== ") | not) then .[$of] += [$e.Output]
    else . end)
| to_entries[] | "== \(.key)\n" + (.value | if length > 200 then .[:50] + ["[…]\n"] + .[-150:] else . end | join(""))
