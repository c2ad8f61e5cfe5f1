# Delete all threads (all organizations)
curl -X DELETE "http://127.0.0.1:8080/v1/threads" \
  -H "X-API-Key: $SKEIN_API_KEY"
