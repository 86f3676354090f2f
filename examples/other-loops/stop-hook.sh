#!/bin/sh
# For Claude Code's Stop hook: the session may end when the goal's checks hold,
# and is told else what is missing. In .claude/settings.json:
#
#   {"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "sh stop-hook.sh goal.md"}]}]}}
#
# A session that was sent back once may end all the same, so that it never hangs.
goal=${1:?which goal.md}
input=$(cat)
case $input in *'"stop_hook_active":true'* | *'"stop_hook_active": true'*) exit 0 ;; esac
failing=$(lode goal check --here "$goal") && exit 0
printf '%s\n' "$failing" >&2
exit 2
