# Draws two bars, then the third.
bar() { echo "<div style=\"left: $1px; top: $2px; height: $3px\"></div>"; }
{
	head -n 3 page.html
	bar 40 160 100
	bar 160 100 160
	test "$LODE_ITERATION" = 1 || bar 280 60 200
} >page.new
mv page.new page.html
echo '{"type":"result","result":"It looks the same now.","session_id":"s"}'
