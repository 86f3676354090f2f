# Judges report.md by two criteria, as a model would: it answers with JSON, and
# quotes the words that prove or contradict.
bare=$(grep -n '[0-9]' report.md | grep -v '\[notes/[a-z]*\.txt\]' | head -n 1 | cut -d: -f2-)
cited=$(grep '\[notes/[a-z]*\.txt\]' report.md | head -n 1)
choice=$(grep '^Use [a-z]*, because ' report.md | head -n 1)
item() { printf '{"id": "%s", "verdict": "%s", "file": "report.md", "quote": "%s", "why": "%s"}' "$1" "$2" "$3" "$4"; }
echo '{"items": ['
if [ -n "$bare" ]; then item sources contradicted "$bare" "a number without a source"; else item sources proven "$cited" "numbers name their file"; fi
echo ,
if [ -n "$choice" ]; then item choice proven "$choice" "it chooses and says why"; else item choice insufficient "" "no sentence chooses"; fi
echo ']}'
