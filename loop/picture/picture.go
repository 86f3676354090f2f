// Package picture says how far two pictures are apart, and shows where.
package picture

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/bits"
	"os"
)

// Measures are the ways to compare, by name. Each gives 0 for the same picture
// and at most 1.
var Measures = map[string]func(a, b image.Image) float64{
	"pixels":     Pixels,
	"perceptual": Perceptual,
}

// Compare reads two PNG files and says how far they are apart. Where their
// pixels differ is shown in red in a third file, unless it is "".
func Compare(measure, got, want, shown string) (float64, error) {
	a, err := read(got)
	if err != nil {
		return 0, err
	}
	b, err := read(want)
	if err != nil {
		return 0, fmt.Errorf("the reference: %w", err)
	}
	if shown != "" {
		if err := show(a, b, shown); err != nil {
			return 0, err
		}
	}
	return Measures[measure](a, b), nil
}

// maxPixels bounds what is decoded: a screen of 10,000 by 10,000.
const maxPixels = 100_000_000

func read(name string) (image.Image, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if c, err := png.DecodeConfig(f); err != nil || c.Width*c.Height > maxPixels {
		return nil, fmt.Errorf("%s: no PNG picture that can be read: %v", name, err)
	}
	if _, err := f.Seek(0, 0); err != nil {
		return nil, err
	}
	img, err := png.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return img, nil
}

// threshold is the distance in colour above which two pixels count as
// different: a tenth of the range, as in pixelmatch, which leaves out what
// different smoothing of edges does.
const threshold = 35215 * 0.1 * 0.1

// differ reports whether two colours can be told apart, by their distance in
// YIQ (Kotsarenko and Ramos, Measuring perceived color difference using YIQ
// NTSC transmission color space, 2010).
func differ(a, b color.Color) bool {
	ar, ag, ab, aa := a.RGBA()
	br, bg, bb, ba := b.RGBA()
	over := func(c, alpha uint32) float64 { return (float64(c) + float64(0xffff-alpha)) / 257 } // on white
	r, g, bl := over(ar, aa)-over(br, ba), over(ag, aa)-over(bg, ba), over(ab, aa)-over(bb, ba)
	y := r*0.29889531 + g*0.58662247 + bl*0.11448223
	i := r*0.59597799 - g*0.27417610 - bl*0.32180189
	q := r*0.21147017 - g*0.52261711 + bl*0.31114694
	return 0.5053*y*y+0.299*i*i+0.1957*q*q > threshold
}

// Pixels is the share of pixels that differ. What only one of two pictures of
// different size has, differs.
func Pixels(a, b image.Image) float64 {
	w, h := max(a.Bounds().Dx(), b.Bounds().Dx()), max(a.Bounds().Dy(), b.Bounds().Dy())
	n := 0
	each(a, b, func(x, y int, same bool) {
		if !same {
			n++
		}
	})
	return float64(n) / float64(max(w*h, 1))
}

func each(a, b image.Image, do func(x, y int, same bool)) {
	ra, rb := a.Bounds(), b.Bounds()
	for y := range max(ra.Dy(), rb.Dy()) {
		for x := range max(ra.Dx(), rb.Dx()) {
			inside := x < ra.Dx() && x < rb.Dx() && y < ra.Dy() && y < rb.Dy()
			do(x, y, inside && !differ(a.At(ra.Min.X+x, ra.Min.Y+y), b.At(rb.Min.X+x, rb.Min.Y+y)))
		}
	}
}

// Perceptual is the share of 256 bits in which the difference hashes of two
// pictures differ: whether the picture grows lighter or darker from each of 16
// by 16 fields to the next. It forgives moved and recoloured details.
func Perceptual(a, b image.Image) float64 {
	x, y := hash(a), hash(b)
	n := 0
	for i := range x {
		n += bits.OnesCount16(x[i] ^ y[i])
	}
	return float64(n) / 256
}

func hash(img image.Image) (h [16]uint16) {
	const across, down = 17, 16
	r := img.Bounds()
	var sum [down][across]float64
	var n [down][across]float64
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			cr, cg, cb, _ := img.At(x, y).RGBA()
			i, k := (y-r.Min.Y)*down/r.Dy(), (x-r.Min.X)*across/r.Dx()
			sum[i][k] += 0.299*float64(cr) + 0.587*float64(cg) + 0.114*float64(cb)
			n[i][k]++
		}
	}
	for i := range down {
		for k := range across - 1 {
			if sum[i][k]/max(n[i][k], 1)+64 < sum[i][k+1]/max(n[i][k+1], 1) { // 64 of 65535: no noise
				h[i] |= 1 << k
			}
		}
	}
	return h
}

// show writes what was got, pale, with what differs in red.
func show(a, b image.Image, name string) error {
	w, h := max(a.Bounds().Dx(), b.Bounds().Dx()), max(a.Bounds().Dy(), b.Bounds().Dy())
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	each(a, b, func(x, y int, same bool) {
		c := color.RGBA{255, 0, 0, 255}
		if same {
			g := color.GrayModel.Convert(a.At(a.Bounds().Min.X+x, a.Bounds().Min.Y+y)).(color.Gray).Y
			c = color.RGBA{192 + g/4, 192 + g/4, 192 + g/4, 255}
		}
		out.SetRGBA(x, y, c)
	})
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := png.Encode(f, out); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
