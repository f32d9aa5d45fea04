package ipc

import (
	"context"

	"oauthd/ipc/api"
)

// Files maintains files that hold a token, for programs that read it from one.
type Files interface {
	// Files returns all files that are maintained, by path.
	Files(ctx context.Context) ([]api.File, error)
	// AddFile writes a file and maintains it from then on. An error means that nothing has changed. The request's token
	// and form are well formed.
	AddFile(ctx context.Context, r api.FileRequest) (api.File, error)
	// EndFile ends the maintenance of the file and removes it.
	EndFile(ctx context.Context, path string) (api.File, error)
}

// maxFileRequest is the largest body of a request for a file, in bytes: a template, with room for JSON's escapes.
const maxFileRequest = 6*api.MaxTemplate + maxTokenRequest

func (sv *serving) fileRoutes() []route {
	if sv.cfg.Backend.Files == nil {
		return nil
	}
	return []route{
		{method: "GET", path: api.PathFiles, serve: sv.getFiles},
		{method: "POST", path: api.PathFiles, body: maxFileRequest, serve: sv.postFile},
		{method: "DELETE", path: api.PathFiles, query: true, serve: sv.deleteFile},
	}
}

func (sv *serving) getFiles(ctx context.Context, c *call) error {
	all, err := sv.cfg.Backend.Files.Files(ctx)
	return c.answer(orEmpty(all), err)
}

func (sv *serving) postFile(ctx context.Context, c *call) error {
	var r api.FileRequest
	if err := decodeStrict(c.body, &r, fieldsOf[api.FileRequest]()); err != nil {
		return err
	}
	if err := checkTokenRequest(r.Token()); err != nil {
		return err
	}
	if err := r.Form().Check(); err != nil {
		return err
	}
	f, err := sv.cfg.Backend.Files.AddFile(ctx, r)
	return c.answer(f, err)
}

func (sv *serving) deleteFile(ctx context.Context, c *call) error {
	path, err := readPath(c.r.URL.RawQuery, api.PathFiles)
	if err != nil {
		return err
	}
	f, err := sv.cfg.Backend.Files.EndFile(ctx, path)
	return c.answer(f, err)
}
