package index

import (
	"unsafe"

	index "github.com/blevesearch/bleve_index_api"
)

// termField is a field of terms that are known, each once. It can be in many
// documents: nothing changes it.
type termField struct {
	name    string
	options index.FieldIndexingOptions
	length  int
	freqs   index.TokenFrequencies
}

// newTerms makes a field that filters: how often it has its terms is not kept.
func newTerms(name string, values ...string) *termField {
	t := &termField{name: name, options: unscored, length: len(values), freqs: make(index.TokenFrequencies, len(values))}
	for _, v := range values {
		t.freqs[v] = &index.TokenFreq{Term: []byte(v)}
	}
	return t
}

func (t *termField) Name() string                                     { return t.name }
func (t *termField) Options() index.FieldIndexingOptions              { return t.options }
func (t *termField) EncodedFieldType() byte                           { return 't' }
func (t *termField) ArrayPositions() []uint64                         { return nil }
func (t *termField) Value() []byte                                    { return nil }
func (t *termField) NumPlainTextBytes() uint64                        { return 0 }
func (t *termField) Size() int                                        { return 0 }
func (t *termField) Analyze()                                         {}
func (t *termField) AnalyzedLength() int                              { return t.length }
func (t *termField) AnalyzedTokenFrequencies() index.TokenFrequencies { return t.freqs }

// wordField is a field of text that is not stored. Its terms are counted while they
// are cut, without the tokens that a field of bleve's would make first: they
// were a third of all the memory that a night allocates.
type wordField struct {
	termField
	text []byte
}

func newWords(name, text string) *wordField {
	return &wordField{termField{name: name, options: indexed}, []byte(text)}
}

func (w *wordField) Value() []byte             { return w.text }
func (w *wordField) NumPlainTextBytes() uint64 { return uint64(len(w.text)) }
func (w *wordField) Size() int                 { return len(w.text) }

// Analyze implements document.Field.
func (w *wordField) Analyze() {
	c := cutter{text: w.text, low: asciiLower(w.text), freqs: make(index.TokenFrequencies, len(w.text)/bytesPerTerm)}
	c.cut()
	w.length, w.freqs = c.length, c.freqs
}

const (
	bytesPerTerm = 8 // of a text, about, for each of its different terms
	freqBlock    = 32
)

// count counts a term. It may not be changed afterwards.
func (c *cutter) count(term []byte) {
	c.length++
	tf := c.freqs[string(term)]
	if tf == nil {
		if len(c.free) == 0 {
			c.free = make([]index.TokenFreq, min(freqBlock, 1+len(c.text)/bytesPerTerm))
		}
		tf, c.free = &c.free[0], c.free[1:]
		tf.Term = term
		c.freqs[unsafe.String(unsafe.SliceData(term), len(term))] = tf // without a copy: the cutter writes a term once
	}
	tf.SetFrequency(tf.Frequency() + 1)
}
