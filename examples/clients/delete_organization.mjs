const apiKey = process.env.SKEIN_API_KEY;

const response = await fetch(
  "http://127.0.0.1:8080/v1/threads?organization_id=org_abc123",
  {
    method: "DELETE",
    headers: {
      "X-API-Key": apiKey,
    },
  }
);

const result = await response.json();
console.log(`Deleted ${result.deleted} thread(s)`);
