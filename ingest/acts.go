package ingest

import (
	"strings"

	"github.com/tidwall/gjson"

	"lode/session"
)

// commonActs maps the names that tools have in many agents to what they do,
// for the formats that hold sessions of several agents, and for editors whose
// tools go by such names. Names are looked up without "_" and in lower case.
var commonActs = map[string]session.Act{
	"bash": session.Shell, "shell": session.Shell, "shellcommand": session.Shell, "execcommand": session.Shell, "exec": session.Shell,
	"executebash": session.Shell, "executecommand": session.Shell, "execute": session.Shell, "runcommand": session.Shell, "powershell": session.Shell,
	"runshellcommand": session.Shell, "runterminalcommand": session.Shell, "runinterminal": session.Shell, "terminal": session.Shell,
	"bashcommand": session.Shell, "run": session.Shell, "localshell": session.Shell, "writestdin": session.Shell,
	"read": session.Read, "readfile": session.Read, "view": session.Read, "viewfile": session.Read, "openfile": session.Read,
	"readmanyfiles": session.Read, "viewimage": session.Read, "readcurrentlyopenfile": session.Read, "readfilerange": session.Read,
	"edit": session.Edit, "editfile": session.Edit, "multiedit": session.Edit, "replace": session.Edit, "strreplace": session.Edit,
	"strreplaceeditor": session.Edit, "applypatch": session.Edit, "applydiff": session.Edit, "patch": session.Edit, "searchreplace": session.Edit,
	"searchandreplace": session.Edit, "insertcontent": session.Edit, "replaceinfile": session.Edit, "insertedit": session.Edit,
	"insertcode": session.Edit, "replacestringinfile": session.Edit, "multireplacestringinfile": session.Edit,
	"inserteditintofile": session.Edit, "undoedit": session.Edit, "fileeditor": session.Edit, "singlefindandreplace": session.Edit,
	"editexistingfile": session.Edit, "findandreplaceedit": session.Edit, "editnotebookfile": session.Edit, "notebookedit": session.Edit,
	"write": session.Write, "writefile": session.Write, "writetofile": session.Write, "create": session.Write, "createfile": session.Write,
	"createnewfile": session.Write, "newfile": session.Write, "createdirectory": session.Write,
	"grep": session.Search, "grepsearch": session.Search, "search": session.Search, "searchfiles": session.Search, "searchcode": session.Search,
	"searchfilecontent": session.Search, "codebasesearch": session.Search, "semanticsearch": session.Search, "codebase": session.Search,
	"rg": session.Search, "ripgrep": session.Search, "findtextinfiles": session.Search, "finder": session.Search, "testsearch": session.Search,
	"ls": session.List, "list": session.List, "listdir": session.List, "listfiles": session.List, "listdirectory": session.List,
	"listcodedefinitionnames": session.List, "glob": session.List, "filesearch": session.List, "fileglobsearch": session.List,
	"findfiles": session.List, "viewsubdirectory": session.List, "viewrepomap": session.List,
	"webfetch": session.Fetch, "websearch": session.Fetch, "fetch": session.Fetch, "fetchurl": session.Fetch, "fetchurlcontent": session.Fetch,
	"fetchwebpage": session.Fetch, "searchweb": session.Fetch, "readwebpage": session.Fetch, "googlewebsearch": session.Fetch,
	"browseraction": session.Fetch, "browse": session.Fetch, "browser": session.Fetch, "browseinteractive": session.Fetch,
	"task": session.Task, "agent": session.Task, "newtask": session.Task, "delegate": session.Task, "runsubagent": session.Task,
	"subagent": session.Task, "usesubagents": session.Task, "spawnagent": session.Task,
	"askuser": session.Ask, "askfollowupquestion": session.Ask, "askuserquestion": session.Ask, "askquestions": session.Ask,
	"exitplanmode": session.Ask, "exitspecmode": session.Ask, "planmoderespond": session.Ask, "attemptcompletion": session.Ask,
	"todowrite": session.Plan, "todoread": session.Plan, "todo": session.Plan, "updatetodolist": session.Plan, "updateplan": session.Plan,
	"managetodolist": session.Plan, "tasktracker": session.Plan, "think": session.Plan, "focuschain": session.Plan,
}

// commonAct returns what a tool does, by its name.
func commonAct(name string) session.Act {
	plain := strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
	if act := commonActs[plain]; act != "" {
		return act
	}
	return session.OtherAct
}

// Names of the parameters that a call is about, best first.
var (
	shellSubjects = []string{"command", "cmd", "keystrokes", "script", "code"}
	toolSubjects  = []string{"file_path", "filepath", "filePath", "absolute_path", "target_file", "path", "notebook_path", "dirPath", "directory_path",
		"pattern", "regex", "glob", "query", "url", "uri", "command", "question", "description", "prompt"}
)

// commonInput sets what a call does and what it is about, and the rest of its
// input as text. It returns the name of the parameter that the call is about.
func commonInput(e *session.Event, args gjson.Result) (subject string) {
	if e.Act = commonAct(e.Tool); args.Get("old_str").Exists() || args.Get("command").Str == "str_replace" {
		e.Act = session.Edit
	}
	if e.Act == session.Edit {
		switch args.Get("command").Str {
		case "view":
			e.Act = session.Read
		case "create":
			e.Act = session.Write
		}
	}
	if !args.IsObject() {
		e.Text = args.String()
		e.Command = strings.Join(patchFiles(e.Text), " ")
		return ""
	}
	names := toolSubjects
	if e.Act == session.Shell {
		names = shellSubjects
	}
	for _, name := range names {
		switch v := args.Get(name); {
		case v.Type == gjson.String && v.Str != "":
			e.Command = strings.TrimRight(v.Str, "\n")
		case v.IsArray() && e.Act == session.Shell:
			e.Command = shellText(args)
		default:
			continue
		}
		e.Text = inputText(args, name)
		return name
	}
	e.Text = inputText(args, "")
	e.Command = strings.Join(patchFiles(firstOf(args, "input", "patch")), " ")
	return ""
}
