#!/bin/sh
# A plain loop around an agent, with lode's checks and learnings: at most ten
# rounds, each told what fails and what past sessions taught.
goal=${1:?which goal.md}
for round in 1 2 3 4 5 6 7 8 9 10; do
	failing=$(lode goal check --here "$goal") && exit 0
	{
		cat "$goal"
		printf '\nWhat does not hold yet:\n%s\n\n' "$failing"
		lode brief
	} | ${AGENT:-claude -p}
done
lode goal check --here "$goal"
