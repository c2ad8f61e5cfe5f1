package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/skein-go/skein/bench"
)

// colors go by the design, dashes by the engine, so that a plot can be read
// without either.
var colors = map[string]color.Color{
	"skein":   color.RGBA{0x00, 0x72, 0xb2, 0xff},
	"stamped": color.RGBA{0xd5, 0x5e, 0x00, 0xff},
	"gorm":    color.RGBA{0xcc, 0x79, 0xa7, 0xff},
	"adk":     color.RGBA{0x00, 0x9e, 0x73, 0xff},
	"trpc":    color.RGBA{0xe6, 0x9f, 0x00, 0xff},
	"bare":    color.RGBA{0x80, 0x80, 0x80, 0xff},
}

var (
	dashes = map[string][]vg.Length{"bbolt": nil, "SQLite": {vg.Points(6), vg.Points(3)}, "memory": {vg.Points(1.5), vg.Points(2)}}
	shapes = map[string]draw.GlyphDrawer{"bbolt": draw.CircleGlyph{}, "SQLite": draw.BoxGlyph{}, "memory": draw.TriangleGlyph{}}
)

func colorOf(name string) color.Color {
	design, _, _ := strings.Cut(name, "-")
	return colors[design]
}

// logarithmic ticks are powers of ten, named for people.
type logarithmic func(float64) string

func (name logarithmic) Ticks(least, most float64) []plot.Tick {
	ticks := plot.LogTicks{Prec: -1}.Ticks(least, most)
	for i, t := range ticks {
		if t.Label != "" {
			ticks[i].Label = name(t.Value)
		}
	}
	return ticks
}

func duration(ns float64) string {
	return strings.NewReplacer(".00 ", " ", ".0 ", " ").Replace(scaled(ns, []string{"ns", "µs", "ms", "s"}))
}

// save draws a plot with its legend on the right.
func save(p *plot.Plot, legend plot.Legend, width, height vg.Length, path string) error {
	canvas, err := draw.NewFormattedCanvas(width, height, strings.TrimPrefix(filepath.Ext(path), "."))
	if err != nil {
		return err
	}
	const room, title = 110, 24 // points
	c := draw.New(canvas)
	c.SetColor(color.White)
	c.Fill(c.Path())
	p.Draw(draw.Crop(c, vg.Points(4), -vg.Points(room), 0, 0))
	legend.Top, legend.Left, legend.Padding = true, true, vg.Points(3)
	legend.TextStyle.Font.Size = vg.Points(10)
	legend.Draw(draw.Crop(c, width-vg.Points(room-8), 0, 0, -vg.Points(title)))
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = canvas.WriteTo(f)
	return errors.Join(err, f.Close())
}

// plotDeleteAll draws what deleting all threads costs, against how many there
// are.
func plotDeleteAll(m measurements, path string) error {
	p := plot.New()
	legend := plot.NewLegend()
	p.Title.Padding = vg.Points(8)
	p.Title.Text = "Time to delete all threads of a user, until it is durable if it is kept in files" // a label of the axis would take room of its length
	p.X.Label.Text = "threads"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker = logarithmic(func(v float64) string { return group(int64(v)) })
	p.Y.Tick.Marker = logarithmic(duration)
	p.Add(plotter.NewGrid())
	for _, c := range bench.Contenders() {
		var points plotter.XYs
		for n := 100; n <= 1_000_000; n *= 10 {
			if s, ok := m.of(fmt.Sprintf("DeleteAll/threads=%d", n), c.Name, "ns/op"); ok {
				points = append(points, plotter.XY{X: float64(n), Y: s.median})
			}
		}
		if len(points) == 0 {
			continue
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		line.Color, line.Dashes, line.Width = colorOf(c.Name), dashes[c.Engine], vg.Points(1.5)
		dots.Color, dots.Shape, dots.Radius = colorOf(c.Name), shapes[c.Engine], vg.Points(2.5)
		p.Add(line, dots)
		legend.Add(c.Name, line, dots)
	}
	return save(p, legend, 24*vg.Centimeter, 14*vg.Centimeter, path)
}

// plotLatency draws how long each write of others took, against when it was
// due, while a million threads are deleted.
func plotLatency(dir, engine, path string) error {
	p := plot.New()
	legend := plot.NewLegend()
	p.Title.Padding = vg.Points(8)
	p.Title.Text = "How late writes of 100 others are done while 1,000,000 threads are deleted (" + engine + ")"
	p.X.Label.Text = "when it was due, in seconds since the delete began"
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = logarithmic(duration)
	p.Add(plotter.NewGrid())
	drawn := false
	for _, c := range bench.Contenders() {
		if c.Engine != engine || strings.HasPrefix(c.Name, "bare-") {
			continue
		}
		points, err := readSeries(filepath.Join(dir, "delete-1000000-"+c.Name+".csv"))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		dots, err := plotter.NewScatter(points)
		if err != nil {
			return err
		}
		dots.Color, dots.Shape, dots.Radius = colorOf(c.Name), draw.CircleGlyph{}, vg.Points(1.2)
		p.Add(dots)
		key := *dots
		key.Radius = vg.Points(3)
		legend.Add(c.Name, &key)
		drawn = true
	}
	if !drawn {
		return fmt.Errorf("no series of %s in %s", engine, dir)
	}
	return save(p, legend, 24*vg.Centimeter, 10*vg.Centimeter, path)
}

// readSeries reads what the mixed workload kept.
func readSeries(path string) (plotter.XYs, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	var points plotter.XYs
	for _, row := range rows {
		x, err := strconv.ParseFloat(row[0], 64)
		if err != nil {
			return nil, err
		}
		y, err := strconv.ParseFloat(row[1], 64)
		if err != nil {
			return nil, err
		}
		points = append(points, plotter.XY{X: x / 1e3, Y: max(y, 0.01) * 1e6})
	}
	return points, nil
}
