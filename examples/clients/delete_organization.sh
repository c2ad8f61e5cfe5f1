# Delete all threads in a specific organization
curl -X DELETE "http://127.0.0.1:8080/v1/threads?organization_id=org_abc123" \
  -H "X-API-Key: $SKEIN_API_KEY"
