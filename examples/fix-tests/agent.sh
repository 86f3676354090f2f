# Weakens a test, then repairs half, then all.
case $LODE_ITERATION in
1) sed -i 's/want 9000/want 10000/; s/!= 9000/!= 10000/' cart_test.go ;;
2) sed -i 's/c.total > 10000/c.total >= 10000/' cart.go ;;
3) sed -i 's/^\tdelete(c.prices, name)/\tc.total -= c.prices[name]\n\tdelete(c.prices, name)/' cart.go ;;
esac
echo '{"type":"result","result":"Done, all tests pass.","session_id":"s","total_cost_usd":0.01,"usage":{"input_tokens":100,"output_tokens":10}}'
