package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// tell plays the demo against the server at that address, with the API key of
// each user: it prints every request and its answer. It ends with an error at
// the first answer that is not what it has to be.
func tell(ctx context.Context, server string, secrets map[string]string, out io.Writer) error {
	s := &story{
		client: &http.Client{
			Transport:     &http.Transport{}, // no proxy
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Timeout:       10 * time.Second,
		},
		server: server, secrets: secrets, out: out,
	}
	defer s.client.CloseIdleConnections()

	s.say("Ada and Ben put threads in: some in two organizations, some personal.")
	release := s.post(ctx, ada, "org_abc123", "Release plan")
	s.quiet = true
	bread := s.post(ctx, ada, "", "Bread recipe")
	budget := s.post(ctx, ada, "org_xyz789", "Budget")
	notes := s.post(ctx, ben, "org_abc123", "Release notes")
	questions := s.post(ctx, ada, "org_abc123", "Interview questions")
	office := s.post(ctx, ada, "org_xyz789", "Office move")
	reading := s.post(ctx, ben, "", "Reading list")
	birthday := s.post(ctx, ada, "", "Birthday ideas")
	postmortem := s.post(ctx, ada, "org_abc123", "Postmortem")
	s.quiet = false
	s.print("... and 8 more in the same way.")

	s.say("Ada lists her threads. Ben's are not among them. (Lists are shown as tables here.)")
	s.list(ctx, ada, postmortem, birthday, office, questions, budget, bread, release)

	s.say("Ada mistypes an organization. A delete never guesses: it is refused, and nothing is deleted.")
	s.refused(ctx, ada, "invalid_id")
	s.list(ctx, ada, postmortem, birthday, office, questions, budget, bread, release)

	s.say("Ada deletes all her threads in one organization. The answer says how many, and where to undo it.")
	undo := s.deleteAll(ctx, ada, "?organization_id=org_abc123", 3)
	s.list(ctx, ada, birthday, office, budget, bread)

	s.say("Ada deletes all the others, in every organization and personal.")
	s.deleteAll(ctx, ada, "", 4)
	s.list(ctx, ada)

	s.say("Ben still has his, in the same organization too.")
	s.list(ctx, ben, reading, notes)

	s.say("Ada takes the first delete back. Those threads return, as they were; the others stay deleted.")
	s.restore(ctx, ada, undo, 3)
	s.list(ctx, ada, postmortem, questions, release)

	s.say("Every one of the %d answers was what it has to be.", s.answers)
	return s.err
}

// story is the demo as it is being told. After the first error it does
// nothing more.
type story struct {
	client  *http.Client
	server  string            // "http://127.0.0.1:PORT"
	secrets map[string]string // API keys, by user
	out     io.Writer
	quiet   bool // whether to print nothing
	answers int
	err     error
}

// answer is what the server said.
type answer struct {
	request string // "DELETE /v1/threads"
	status  int
	header  http.Header
	body    string
}

func (s *story) say(format string, args ...any) { s.print("\n# "+format, args...) }

// print prints a line.
func (s *story) print(format string, args ...any) {
	if s.err == nil && !s.quiet {
		_, s.err = fmt.Fprintf(s.out, format+"\n", args...)
	}
}

// must ends the story unless ok.
func (s *story) must(ok bool, a answer, format string, args ...any) {
	if s.err == nil && !ok {
		s.err = fmt.Errorf("%s was answered wrongly: %s; the answer is %d %s", a.request, fmt.Sprintf(format, args...), a.status, a.body)
	}
}

// exactly holds an answer to its status, the bytes of its body, and a trace
// id.
func (s *story) exactly(a answer, status int, body string) {
	s.must(a.status == status && a.body == body, a, "want %d %s", status, body)
	s.must(traceID.MatchString(a.header.Get("Trace-Id")), a, "Trace-Id is %q", a.header.Get("Trace-Id"))
}

var traceID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// send prints a request, makes it as the user, and returns the answer.
func (s *story) send(ctx context.Context, user, method, path, body string) answer {
	s.print("$ %s", curl(user, method, s.server+path, body))
	if s.err != nil {
		return answer{}
	}
	a, err := s.exchange(ctx, user, method, path, body)
	s.err = err
	s.answers++
	return a
}

func (s *story) exchange(ctx context.Context, user, method, path, body string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.server+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("X-API-Key", s.secrets[user])
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := s.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{method + " " + path, response.StatusCode, response.Header, string(text)}, err
}

// curl is the command that would make the same request, with the name of a
// variable for the key.
func curl(user, method, url, body string) string {
	var b strings.Builder
	b.WriteString("curl -i")
	if method != http.MethodGet {
		b.WriteString(" -X " + method)
	}
	fmt.Fprintf(&b, " %q -H \"X-API-Key: $%s_KEY\"", url, strings.ToUpper(user))
	if body != "" {
		fmt.Fprintf(&b, " \\\n    -H \"Content-Type: application/json\" -d '%s'", body)
	}
	return b.String()
}

// show prints an answer: its status, the headers that matter here, and its
// body in the form given.
func (s *story) show(a answer, body string) {
	s.print("HTTP/1.1 %d %s", a.status, http.StatusText(a.status))
	for _, name := range []string{"Skein-Deletion-Id", "Skein-Undo", "Trace-Id"} {
		if value := a.header.Get(name); value != "" {
			s.print("%s: %s", name, value)
		}
	}
	s.print("%s", body)
}

// thread is a thread as the server tells it, and what sets it apart here.
type thread struct {
	text         string // the whole
	ID           string `json:"id"`
	User         string `json:"user_id"`
	Organization string `json:"organization_id"` // empty if null
	Title        string `json:"title"`
}

// UnmarshalJSON implements [json.Unmarshaler].
func (t *thread) UnmarshalJSON(text []byte) error {
	type plain thread
	t.text = string(text)
	return json.Unmarshal(text, (*plain)(t))
}

// post creates a thread and returns it.
func (s *story) post(ctx context.Context, user, organization, title string) (t thread) {
	body := fmt.Sprintf(`{"title":%q}`, title)
	if organization != "" {
		body = fmt.Sprintf(`{"organization_id":%q,"title":%q}`, organization, title)
	}
	a := s.send(ctx, user, http.MethodPost, "/v1/threads", body)
	s.show(a, indented(a.body))
	s.must(a.status == http.StatusCreated, a, "want status 201")
	s.decode(a, &t)
	s.must(t.ID != "" && t.User == user && t.Organization == organization && t.Title == title, a, "want the thread that was sent")
	return t
}

// list lists the live threads of a user, which must be those, in that order,
// as they were when they were created.
func (s *story) list(ctx context.Context, user string, want ...thread) {
	a := s.send(ctx, user, http.MethodGet, "/v1/threads", "")
	s.must(a.status == http.StatusOK, a, "want status 200")
	var page struct {
		Data    []thread `json:"data"`
		HasMore bool     `json:"has_more"`
	}
	s.decode(a, &page)
	s.show(a, table(page.Data))
	s.must(page.Data != nil && slices.Equal(page.Data, want) && !page.HasMore, a, "want the threads\n%s", table(want))
}

// deleteAll deletes the live threads that the query selects, which must be n,
// and returns the path that undoes it.
func (s *story) deleteAll(ctx context.Context, user, query string, n int) (undo string) {
	a := s.send(ctx, user, http.MethodDelete, "/v1/threads"+query, "")
	s.show(a, a.body)
	s.exactly(a, http.StatusOK, fmt.Sprintf(`{"deleted":%d,"message":"Successfully deleted %[1]d thread(s)"}`, n))
	id, undo := a.header.Get("Skein-Deletion-Id"), a.header.Get("Skein-Undo")
	s.must(strings.HasPrefix(id, "del_") && undo == "/v1/deletions/"+id+"/restore", a, "Skein-Deletion-Id is %q, Skein-Undo is %q", id, undo)
	return undo
}

// refused asks for the deletion of what no organization id is.
func (s *story) refused(ctx context.Context, user, organization string) {
	a := s.send(ctx, user, http.MethodDelete, "/v1/threads?organization_id="+organization, "")
	s.show(a, indented(a.body))
	var told struct {
		Error struct {
			Timestamp string `json:"timestamp"`
		} `json:"error"`
	}
	s.decode(a, &told)
	at := told.Error.Timestamp
	_, err := time.Parse("2006-01-02T15:04:05Z", at)
	s.must(err == nil, a, "its timestamp is %q", at)
	s.exactly(a, http.StatusUnprocessableEntity, fmt.Sprintf(`{"success":false,"error":{"code":"VALIDATION_ERROR",`+
		`"message":"Please check your input and try again.","system_message":"Invalid organization_id format. Must start with 'org_'",`+
		`"type":"validation_error","status":422,"details":{"organization_id":%q},"trace_id":%q,"timestamp":%q}}`,
		organization, a.header.Get("Trace-Id"), at))
	s.must(a.header.Get("Skein-Deletion-Id") == "", a, "there is a deletion")
}

// restore undoes a deletion, which must bring n threads back.
func (s *story) restore(ctx context.Context, user, undo string, n int) {
	a := s.send(ctx, user, http.MethodPost, undo, "")
	s.show(a, a.body)
	s.exactly(a, http.StatusOK, fmt.Sprintf(`{"restored":%d,"message":"Successfully restored %[1]d thread(s)"}`, n))
}

func (s *story) decode(a answer, into any) {
	if s.err != nil {
		return
	}
	err := json.Unmarshal([]byte(a.body), into)
	s.must(err == nil, a, "%v", err)
}

// table shows threads by what sets them apart.
func table(list []thread) string {
	if len(list) == 0 {
		return "  (no threads)"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, t := range list {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", t.ID, cmp.Or(t.Organization, "(personal)"), t.Title)
	}
	_ = w.Flush() // a strings.Builder takes all
	return strings.TrimSuffix(b.String(), "\n")
}

// indented is JSON with its members on lines of their own; other text is
// returned as it is.
func indented(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	return b.String()
}
