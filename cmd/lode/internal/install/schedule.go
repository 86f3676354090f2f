package install

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io/fs"
	"os/exec"
	"runtime"
	"strings"
)

// crontab stands for the person's table of cron, which has no file of its own.
const crontab = "crontab"

// readCrontab reads the table with the program of that name. Without one, it
// says that there is none on standard error, and ends with 1.
func readCrontab() (string, error) {
	var out, problem bytes.Buffer
	cmd := exec.Command("crontab", "-l")
	cmd.Stdout, cmd.Stderr = &out, &problem
	err := cmd.Run()
	switch {
	case err == nil:
		return out.String(), nil
	case strings.Contains(problem.String(), "no crontab for"):
		return "", fs.ErrNotExist
	}
	return "", fmt.Errorf("crontab -l: %w: %s", err, strings.TrimSpace(problem.String()))
}

// writeCrontab replaces the table; an empty one is removed.
func writeCrontab(text string) error {
	cmd := exec.Command("crontab", "-")
	if text == "" {
		cmd = exec.Command("crontab", "-r")
	}
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("crontab: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Nightly runs are at 03:17: not at the full hour, when everybody's are.
var cron = Part{
	Name: "cron", Doc: "runs lode nightly at 03:17, from your crontab", Asked: true,
	Found: func(*Env) bool { return onPath("crontab") },
	Steps: func(e *Env) []Step {
		line := strings.ReplaceAll(e.line("nightly"), "%", `\%`) // in a crontab, % is a line break
		return []Step{appended(crontab, "17 3 * * * "+line+"\n", nil)}
	},
	Notes: func(*Env) []string {
		return []string{"cron mails what is printed: news and errors; nights without news are silent"}
	},
}

var systemd = Part{
	Name: "systemd", Doc: "runs lode nightly at 03:17, by a timer of systemd", Asked: true,
	Found: func(*Env) bool { return runtime.GOOS == "linux" },
	Steps: func(e *Env) []Step {
		dir := e.env("XDG_CONFIG_HOME", e.home(".config")) + "/systemd/user/"
		return []Step{
			whole(dir+"lode-nightly.service", "[Unit]\nDescription=lode reads what agents left behind\n\n[Service]\nType=oneshot\nNice=10\nExecStart="+systemdLine(e)+"\n"),
			whole(dir+"lode-nightly.timer", "[Unit]\nDescription=lode, every night\n\n[Timer]\nOnCalendar=*-*-* 03:17:00\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n"),
		}
	},
	Notes: func(*Env) []string {
		return []string{"systemd: start it with systemctl --user daemon-reload && systemctl --user enable --now lode-nightly.timer",
			"systemd: before you uninstall it, systemctl --user disable --now lode-nightly.timer"}
	},
}

// systemdLine quotes a command line as systemd.service(5) has it.
func systemdLine(e *Env) string {
	var words []string
	for _, w := range append(append([]string{}, e.Command...), "nightly") {
		w = strings.NewReplacer("%", "%%", "$", "$$", `\`, `\\`, `"`, `\"`).Replace(w)
		if strings.ContainsAny(w, " \t'\"") {
			w = `"` + w + `"`
		}
		words = append(words, w)
	}
	return strings.Join(words, " ")
}

var launchd = Part{
	Name: "launchd", Doc: "runs lode nightly at 03:17, by launchd of macOS", Asked: true,
	Found: func(*Env) bool { return runtime.GOOS == "darwin" },
	Steps: func(e *Env) []Step {
		var words strings.Builder
		for _, w := range append(append([]string{}, e.Command...), "nightly") {
			words.WriteString("\t\t<string>")
			xml.EscapeText(&words, []byte(w))
			words.WriteString("</string>\n")
		}
		return []Step{whole(launchAgent(e), `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>lode.nightly</string>
	<key>ProgramArguments</key>
	<array>
`+words.String()+`	</array>
	<key>StartCalendarInterval</key>
	<dict>
		<key>Hour</key>
		<integer>3</integer>
		<key>Minute</key>
		<integer>17</integer>
	</dict>
</dict>
</plist>
`)}
	},
	Notes: func(e *Env) []string {
		return []string{"launchd: start it with launchctl load " + quote(launchAgent(e)),
			"launchd: before you uninstall it, launchctl unload " + quote(launchAgent(e)), "launchd: this was not tried on macOS"}
	},
}

func launchAgent(e *Env) string { return e.home("Library/LaunchAgents/lode.nightly.plist") }

// whole is a step that writes a file that is all lode's. Another's is not
// replaced.
func whole(file, text string) Step {
	return Step{File: file, Put: func(now string) (string, error) {
		if now != "" && !strings.Contains(now, "lode") {
			return "", fmt.Errorf("it is there already, and not lode's")
		}
		return text, nil
	}}
}

func onPath(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}
