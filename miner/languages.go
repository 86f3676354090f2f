package miner

import (
	"strings"

	"lode/session/lazyregexp"
)

// A Language is how people say in it what intentOf listens for: expressions
// over the first 300 bytes of a turn, in lower case, with ' for ’. English has
// more, see turns.go. Another language is another line of Languages.
type Language struct {
	Name     string
	Standing string // from now on always, or never
	Corrects string // that was wrong; at the beginning of the turn
	Praises  string // at the beginning
	Answers  string // at the beginning
}

// Languages lists the languages beside English.
var Languages = []Language{
	{"German",
		`\b(?:ab (?:jetzt|sofort)|in zukunft|künftig|zukünftig|merk(?:e)? dir|denk (?:immer )?daran)\b|(?:^|[.!\n] *)(?:bitte )?(?:immer|niemals|nie)\b`,
		`(?:nein|nee|falsch|stopp?|halt|warte|das (?:ist|war|stimmt|geht|passt) (?:falsch|nicht|so nicht)|so nicht|nicht so|du (?:hast|solltest) .{0,40}(?:vergessen|übersehen|nicht)|warum (?:hast|machst|änderst) du|mach das rückgängig|ich (?:sagte|hatte gesagt|wollte|meinte)|geht (?:immer )?noch nicht|immer noch)`,
		`(?:super|prima|perfekt|danke|klasse|sehr gut|passt|toll)`,
		`(?:ja|jo|jawohl|genau|mach (?:das|weiter)|weiter|einverstanden|leg los)`},
	{"Spanish",
		`\b(?:a partir de ahora|de ahora en adelante|en (?:el )?futuro|recuerda(?: que)?)\b|(?:^|[.!¡\n] *)(?:por favor )?(?:siempre|nunca)\b`,
		`(?:no[,. ]|incorrecto|mal\b|para\b|espera|eso (?:no|está mal)|así no|te (?:olvidaste|faltó)|¿?por qué (?:has|hiciste|estás)|deshaz|revierte|dije|te dije|sigue sin|todavía no|aún no)`,
		`(?:genial|perfecto|gracias|muy bien|excelente)`,
		`(?:sí|vale|de acuerdo|adelante|continúa|hazlo)`},
	{"French",
		`(?:^|[\s,.!])(?:à partir de maintenant|désormais|dorénavant|à l'avenir|souviens-toi|n'oublie jamais)\b|(?:^|[.!\n] *)(?:toujours|jamais)\b`,
		`(?:non\b|faux\b|stop\b|attends?|arrête|ce n'est pas|c'est (?:faux|pas)|pas (?:comme ça|ça)|tu (?:as oublié|n'as pas|aurais dû)|pourquoi (?:as-tu|tu as)|annule|j'ai dit|je voulais|toujours pas|ça ne marche pas)`,
		`(?:parfait|merci|super|génial|très bien|excellent)`,
		`(?:oui|d'accord|vas-y|continue)`},
	{"Portuguese",
		`\b(?:a partir de agora|daqui (?:em|para a) frente|no futuro|lembre(?:-se)?)\b|(?:^|[.!\n] *)(?:por favor )?(?:sempre|nunca)\b`,
		`(?:não[,. ]|errado|pare\b|espera?|isso (?:não|está errado)|assim não|você (?:esqueceu|não)|por que (?:você|fez)|desfaça|reverta|eu (?:disse|falei|queria)|ainda não|continua sem)`,
		`(?:ótimo|perfeito|obrigad[oa]|muito bem|excelente)`,
		`(?:sim|pode (?:ser|fazer)|continue|vá em frente|faça)`},
	{"Italian",
		`\b(?:d'ora in poi|in futuro|ricorda(?:ti)?)\b|(?:^|[.!\n] *)(?:sempre|mai)\b`,
		`(?:no[,. ]|sbagliato|ferm[ao]\b|aspetta|non (?:è|così|va)|hai (?:dimenticato|sbagliato)|perché hai|annulla|avevo detto|ancora non)`,
		`(?:perfetto|grazie|ottimo|benissimo)`,
		`(?:sì|va bene|procedi|continua)`},
	{"Russian",
		`(?:с этого момента|впредь|в будущем|запомни|(?:^|[.!\n] *)(?:всегда|никогда))`,
		`(?:нет|неправильно|неверно|стоп|подожди|это не|не так|ты (?:забыл|пропустил|не)|почему ты|верни|отмени|я (?:же )?(?:сказал|говорил|просил)|всё ещё не|все еще не)`,
		`(?:отлично|спасибо|супер|хорошо сделано)`,
		`(?:да|ок|хорошо|давай|продолжай)`},
	{"Chinese",
		`(?:以后|今后|从现在开始|从今以后|记住|永远不要|不要再|每次都|总是要|务必)`,
		`(?:不对|不是|错了|不要|别|停|等一下|等等|你(?:忘|漏|没|不应该|怎么)|为什么你|撤销|回滚|我(?:说|要)的是|还是(?:不|没)|这样不行)`,
		`(?:很好|太好了|谢谢|完美|不错|好极了)`,
		`(?:好的|可以|是的|继续|行|没问题|对)`},
	{"Japanese",
		`(?:今後|これからは|以後|次回から|必ず|常に|絶対に|覚えて)`,
		`(?:違(?:う|い|って)|ちがう|いや[、。]|だめ|やめて|待って|そうじゃな|間違|なぜ|どうして|元に戻して|忘れて|まだ(?:動|直)|じゃなくて)`,
		`(?:素晴らしい|ありがとう|完璧|いいね|最高)`,
		`(?:はい|ええ|お願いします|続けて|進めて|了解)`},
	{"Korean",
		`(?:앞으로(?:는)?|이제부터|항상|절대|기억해)`,
		`(?:아니|틀렸|잘못|그만|잠깐|왜 |되돌려|취소|내가 말|아직도|그게 아니)`,
		`(?:좋아요?|완벽|고마워|감사|훌륭)`,
		`(?:네|응|그래|계속|진행)`},
}

// others joins what all languages say of one thing.
func others(of func(*Language) string, begin string) *lazyregexp.Regexp {
	var all []string
	for i := range Languages {
		all = append(all, of(&Languages[i]))
	}
	return lazyregexp.New(begin + `(?:` + strings.Join(all, "|") + `)`)
}

var (
	standingElsewhere = others(func(l *Language) string { return l.Standing }, "")
	correctsElsewhere = others(func(l *Language) string { return l.Corrects + edge(l) }, "^")
	praisesElsewhere  = others(func(l *Language) string { return l.Praises + edge(l) }, "^")
	answersElsewhere  = others(func(l *Language) string { return l.Answers + edge(l) }, "^")
)

// edge is how a word ends: not at all where words are not parted by spaces.
func edge(l *Language) string {
	switch l.Name {
	case "Chinese", "Japanese", "Korean":
		return ""
	}
	return `(?:[\s,.!;:?]|$)`
}
