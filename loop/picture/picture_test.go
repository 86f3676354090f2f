package picture

import (
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

func paint(w, h int, boxes ...image.Rectangle) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	for _, b := range boxes {
		draw.Draw(img, b, image.NewUniform(color.RGBA{20, 60, 160, 255}), image.Point{}, draw.Src)
	}
	return img
}

func TestMeasures(t *testing.T) {
	box := image.Rect(20, 20, 60, 60)
	base := paint(100, 100, box)
	pale := paint(100, 100, box)
	draw.Draw(pale, box, image.NewUniform(color.RGBA{22, 62, 163, 255}), image.Point{}, draw.Src)
	for _, c := range []struct {
		name               string
		img                image.Image
		pixelsLo, pixelsHi float64
		seenLo, seenHi     float64
	}{
		{"the same", paint(100, 100, box), 0, 0, 0, 0},
		{"a colour that nobody can tell apart", pale, 0, 0, 0, 0.01},
		{"moved by a pixel", paint(100, 100, box.Add(image.Pt(1, 0))), 0.005, 0.01, 0, 0.06},
		{"gone", paint(100, 100), 0.15, 0.17, 0.01, 0.5},
		{"elsewhere", paint(100, 100, box.Add(image.Pt(30, 20))), 0.1, 0.3, 0.03, 0.5},
		{"higher", paint(100, 150, box), 0.33, 0.34, 0.01, 0.5},
	} {
		if d := Pixels(base, c.img); d < c.pixelsLo || d > c.pixelsHi {
			t.Errorf("%s: %.4f of the pixels differ, want %g to %g", c.name, d, c.pixelsLo, c.pixelsHi)
		}
		if d := Perceptual(base, c.img); d < c.seenLo || d > c.seenHi {
			t.Errorf("%s: perceptual distance %.4f, want %g to %g", c.name, d, c.seenLo, c.seenHi)
		}
	}
}

func TestCompare(t *testing.T) {
	dir := t.TempDir()
	save := func(name string, img image.Image) string {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := png.Encode(f, img); err != nil {
			t.Fatal(err)
		}
		return f.Name()
	}
	a, b := save("a.png", paint(40, 40)), save("b.png", paint(40, 40, image.Rect(0, 0, 10, 40)))
	shown := filepath.Join(dir, "shown.png")
	if d, err := Compare("pixels", a, b, shown); err != nil || d != 0.25 {
		t.Errorf("%g, %v", d, err)
	}
	img, err := read(shown)
	if err != nil {
		t.Fatal(err)
	}
	if r, g, _, _ := img.At(5, 5).RGBA(); r != 0xffff || g != 0 {
		t.Error("what differs is not red")
	}
	os.WriteFile(shown, []byte("no picture"), 0o600)
	if _, err := Compare("pixels", shown, b, ""); err == nil {
		t.Error("compared what is no picture")
	}
}
