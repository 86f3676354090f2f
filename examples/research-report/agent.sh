# Writes too little, then leaves out sources, then does it right.
write() {
	cat <<END
# Which JSON library

Use fastjson, because it decodes fastest and is looked after.

It decodes 410 MB a second $1, against 260 of tinyjson [notes/tinyjson.txt].
Of its bugs 3 are open [notes/fastjson.txt]; plainjson has 41 [notes/plainjson.txt].
All three libraries read the same files in our trial, so nothing but speed and care tells them apart.
END
}
case $LODE_ITERATION in
1) echo 'Use fastjson.' >report.md ;;
2) write '(measured)' | sed 's/, against.*//' >report.md ;;
3) write '[notes/fastjson.txt]' >report.md ;;
esac
echo '{"type":"result","result":"The report is ready.","session_id":"s"}'
