package bench

import (
	"context"
	"errors"
	"time"

	gormsqlite "gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/skein-go/skein/threads"
)

var gormSQLite = Contender{
	Name: "gorm-sqlite", Engine: "SQLite",
	About: "GORM v1.31.2 with its soft delete (`gorm.DeletedAt`) on the same driver and pragmas, prepared statements on, and a partial index of the live rows. Deleting all is one UPDATE. A count walks the index. Times are text. GORM has no undo; by hand it is a second UPDATE of the rows with that time.",
	Open: func(ctx context.Context, dir string, fill bool) (Keeper, error) {
		files, err := openSQLite(ctx, dir, "gorm.sqlite", "", fill)
		if err != nil {
			return nil, err
		}
		write, err := gormOver(files.write)
		if err != nil {
			return nil, err
		}
		read, err := gormOver(files.read)
		if err != nil {
			return nil, err
		}
		return &gormKeeper{files, write, read, time.Time{}}, write.WithContext(ctx).AutoMigrate(&gormThread{})
	},
}

func gormOver(conn gorm.ConnPool) (*gorm.DB, error) {
	return gorm.Open(gormsqlite.New(gormsqlite.Config{DriverName: "sqlite", Conn: conn}),
		&gorm.Config{PrepareStmt: true, SkipDefaultTransaction: true, Logger: logger.Discard})
}

// gormThread is a thread as an application on GORM declares it.
type gormThread struct {
	Number         uint              `gorm:"primaryKey"`
	UserID         string            `gorm:"not null;uniqueIndex:thread_id,priority:1;index:thread_live,priority:1,where:deleted_at IS NULL"`
	ID             string            `gorm:"not null;uniqueIndex:thread_id,priority:2;index:thread_live,priority:3,where:deleted_at IS NULL"`
	CreatedAt      time.Time         `gorm:"index:thread_live,priority:2,where:deleted_at IS NULL"`
	Metadata       map[string]string `gorm:"serializer:json"`
	Organization   string
	Assistant      string
	Title          string
	Hidden         bool
	PinnedAt       *time.Time
	UpdatedAt      time.Time
	LastActivityAt time.Time
	Version        int64
	DeletedAt      gorm.DeletedAt `gorm:"index"`
}

func (gormThread) TableName() string { return "thread" }

func toGORM(user string, t threads.Thread) *gormThread {
	return &gormThread{
		UserID: user, ID: t.ID, Organization: t.Organization, Title: t.Title, Metadata: t.Metadata,
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, LastActivityAt: t.LastActivityAt, Version: t.Version,
	}
}

func (g gormThread) thread() threads.Thread {
	return threads.Thread{
		ID: g.ID, User: g.UserID, Organization: g.Organization, Assistant: g.Assistant, Title: g.Title, Metadata: g.Metadata, Hidden: g.Hidden,
		CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt, LastActivityAt: g.LastActivityAt, Version: g.Version,
	}
}

type gormKeeper struct {
	files       database
	write, read *gorm.DB
	last        time.Time
}

func (g *gormKeeper) Fill(ctx context.Context, user string, from, to int) error {
	return batches(from, to, 1_000, func(from, to int) error {
		var list []*gormThread
		for n := from; n < to; n++ {
			list = append(list, toGORM(user, numbered(user, n)))
		}
		return g.write.WithContext(ctx).CreateInBatches(list, 1_000).Error
	})
}

func (g *gormKeeper) Create(ctx context.Context, user string, t threads.Thread) error {
	return g.write.WithContext(ctx).Create(toGORM(user, t)).Error
}

func (g *gormKeeper) Get(ctx context.Context, user, id string) (threads.Thread, error) {
	var t gormThread
	err := g.read.WithContext(ctx).Where("user_id = ? AND id = ?", user, id).Take(&t).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = errAbsent
	}
	return t.thread(), err
}

func (g *gormKeeper) Page(ctx context.Context, user string, from Place, limit int) ([]threads.Thread, error) {
	q := g.read.WithContext(ctx).Where("user_id = ?", user)
	if from.After != nil {
		q = q.Where("(created_at, id) < (?, ?)", from.After.CreatedAt, from.After.ID)
	}
	var found []gormThread
	err := q.Order("created_at DESC, id DESC").Limit(limit).Find(&found).Error
	list := make([]threads.Thread, len(found))
	for i, t := range found {
		list[i] = t.thread()
	}
	return list, err
}

func (g *gormKeeper) Count(ctx context.Context, user string) (int, error) {
	var n int64
	err := g.read.WithContext(ctx).Model(&gormThread{}).Where("user_id = ?", user).Count(&n).Error
	return int(n), err
}

func (g *gormKeeper) Delete(ctx context.Context, user, id string) error {
	r := g.write.WithContext(ctx).Where("user_id = ? AND id = ?", user, id).Delete(&gormThread{})
	if r.Error == nil && r.RowsAffected == 0 {
		return errAbsent
	}
	return r.Error
}

func (g *gormKeeper) DeleteAll(ctx context.Context, user string) (int, error) {
	at := time.Now().UTC().Truncate(time.Microsecond)
	r := g.write.Session(&gorm.Session{Context: ctx, NowFunc: func() time.Time { return at }}).Where("user_id = ?", user).Delete(&gormThread{})
	g.last = at
	return int(r.RowsAffected), r.Error
}

func (g *gormKeeper) Restore(ctx context.Context, user string) (int, error) {
	r := g.write.WithContext(ctx).Unscoped().Model(&gormThread{}).Where("user_id = ? AND deleted_at = ?", user, g.last).UpdateColumn("deleted_at", nil)
	return int(r.RowsAffected), r.Error
}

func (g *gormKeeper) Purge(ctx context.Context, user string) (n int, err error) {
	const batch = 500
	for removed := batch; removed == batch && err == nil; n += removed {
		some := g.write.Unscoped().Model(&gormThread{}).Select("number").Where("user_id = ? AND deleted_at IS NOT NULL", user).Limit(batch)
		r := g.write.WithContext(ctx).Unscoped().Where("number IN (?)", some).Delete(&gormThread{})
		removed, err = int(r.RowsAffected), r.Error
	}
	return n, err
}

func (g *gormKeeper) Close() error { return g.files.Close() }
