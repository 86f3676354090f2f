package ingest

import (
	"github.com/tidwall/gjson"

	"lode/session"
)

// clineSkipped are the messages on the person's screen that the messages to
// the model hold too, or that serve the extension.
var clineSkipped = setOf("text", "task", "reasoning", "tool", "command", "command_output", "completion_result", "user_feedback",
	"user_feedback_diff", "followup", "plan_mode_respond", "api_req_finished", "api_req_deleted", "api_req_retried", "api_req_retry_delayed",
	"api_req_rate_limit_wait", "api_req_retry", "error_retry", "error", "diff_error", "rooignore_error", "clineignore_error", "command_permission_denied",
	"shell_integration_warning", "shell_integration_warning_with_suggestion", "checkpoint_created", "checkpoint_saved", "load_mcp_documentation",
	"resume_task", "resume_completed_task", "auto_approval_max_req_reached", "browser_action_launch", "browser_action", "browser_action_result",
	"browser_session_status", "use_mcp_server", "use_mcp_server_response", "mcp_server_request_started", "mcp_server_response", "mcp_notification",
	"new_task", "new_task_started", "subtask_result", "new_rule", "report_bug", "summarize_task", "deleted_api_reqs", "info", "task_progress",
	"generate_explanation", "conditional_rules_applied", "hook_status", "hook_output_stream", "hook", "use_subagents", "subagent", "subagent_usage",
	"codebase_search_result", "user_edit_todos", "image", "condense_context_error", "sliding_window_truncation", "too_many_tools_warning",
	"tool_output", "act_mode_respond", "interactive_app", "payment_required_prompt", "invalid_model", "unauthorized_prompt")

// shown reads a message on the person's screen: what a request to the model
// cost, and what the messages to the model do not tell.
func (p *clineParser) shown(n int, m gjson.Result) {
	if m.Get("partial").Bool() {
		return
	}
	if model := m.Get("modelInfo.modelId").Str; model != "" {
		p.s.Model = model
	}
	kind := m.Get("say").Str
	if m.Get("type").Str == "ask" {
		kind = m.Get("ask").Str
	}
	e := p.event(n, 0, session.Note, session.Injected, m)
	e.Key = key(e.Key, "ui")
	switch kind {
	case "api_req_started", "deleted_api_req":
		req := jsonText(m.Get("text"))
		u := &p.s.Usage
		u.Input += int(req.Get("tokensIn").Int())
		u.Output += int(req.Get("tokensOut").Int())
		u.CacheRead += int(req.Get("cacheReads").Int())
		u.CacheWrite += int(req.Get("cacheWrites").Int())
		u.Cost += req.Get("cost").Float()
		switch req.Get("cancelReason").Str {
		case "user_cancelled":
			e.Act, e.Text = session.Interrupt, "cancelled by the user"
		case "streaming_failed":
			e.Act, e.Text = session.APIError, req.Get("streamingFailedMessage").String()
		default:
			return
		}
	case "api_req_failed":
		e.Line, e.Act, e.Text = p.d.line(m.Get("text")), session.APIError, m.Get("text").String()
	case "mistake_limit_reached":
		e.Act, e.Text = session.OtherAct, "the limit of mistakes in a row is reached"
	case "condense_context", "condense", "compaction":
		e.Act = session.Compacted
	default:
		if !clineSkipped[kind] {
			p.d.unknown(m.Get("type").Str + " " + kind)
		}
		return
	}
	p.d.add(p.s, e)
}
