package record

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPoints(t *testing.T) {
	good := []string{`{"lat":1,"lon":2}`, `{ "lon" : "-2.5e1" , "lat" : 11.9 }`, `{"l\u0061t":1,"lon":2}`, `{"type":"Point","coordinates":[8.5,11.9]}`,
		`{"coordinates":[1,2,3],"type":"point"}`, `{"geohash":"u4pruyd"}`, `[1,2]`, `[ -1.5 , 2 , 3 ]`, `"11.9,8.5"`, `" 11.9 , 8.5 "`, `"1,2,3"`,
		`"POINT (8.5 11.9)"`, `"point(8.5   11.9 3)"`, `"Point\u0020(1 2)"`, `"u4pruydqqvj"`, `"9"`}
	bad := []string{`"nonsense!"`, `""`, `"a"`, `{}`, `{"x":1}`, `{"lat":1}`, `{"lat":1,"lon":"east"}`, `{"lat":"","lon":2}`, `{"lat":null,"lon":null}`, `{"lat":1,"lon":2,"x":3}`,
		`{"lat":1,"lat":1,"lon":2}`, `{"lat":1,"lon":2,"geohash":"u"}`, `{"geohash":5}`, `{"geohash":"u","type":"Point"}`, `{"type":"Point"}`, `{"type":"Line","coordinates":[1,2]}`,
		`{"type":"Point","coordinates":[1]}`, `{"type":"Point","coordinates":5}`, `{"type":"Point","coordinates":[]}`, `[1]`, `[1,2,3,4]`, `[1,"2"]`, `[1,null]`, `5`, `true`,
		`"1,"`, `"1,2,3,4"`, `"1,x"`, `"POINT (1)"`, `"POINT 1 2"`, `"POINT (1 2"`, `"POINT ()"`, `"POINT"`}
	strict := NewDecoder(project(t, `{"properties":{"g":{"type":"geo_point"}}}`, "g"))
	loose := NewDecoder(project(t, `{"properties":{"g":{"type":"geo_point","ignore_malformed":true}}}`, "g"))
	var r Record
	for _, d := range []*Decoder{strict, loose} {
		for _, point := range good {
			require.NoError(t, d.Decode([]byte(`{"g":`+point+`}`), &r), point)
			require.Equal(t, []string{point}, texts(r.Values(0)))
			require.NoError(t, d.Decode([]byte(`{"g":[null,[`+point+`],`+point+`]}`), &r), point)
			require.Equal(t, []string{point, point}, texts(r.Values(0)))
		}
	}
	for _, point := range bad {
		doc := []byte(`{"g":` + point + `}`)
		require.EqualError(t, strict.Decode(doc, &r), "record: document, offset 5: g: found "+point+" where a point is expected")
		require.NoError(t, loose.Decode(doc, &r), point)
		require.Empty(t, r.Values(0))
	}
	for _, none := range []string{`null`, `[]`, `[null]`, `[[],null]`} {
		require.NoError(t, strict.Decode([]byte(`{"g":`+none+`}`), &r), none)
		require.Empty(t, r.Values(0))
	}
	require.Error(t, strict.Decode([]byte(`{"g":[null,1]}`), &r))
	require.NoError(t, loose.Decode([]byte(`{"g":[null,1,"1,2","?"]}`), &r))
	require.Equal(t, []string{`"1,2"`}, texts(r.Values(0)))
}

func TestPointsAllocateNothing(t *testing.T) {
	d := NewDecoder(project(t, `{"properties":{"g":{"type":"geo_point","ignore_malformed":true}}}`, "g"))
	doc := []byte(`{"g":[{"lat":1,"lon":"2"},[1,2],"1,2","POINT\u0020(1 2)","u4","?",{"x":1},{"type":"Point","coordinates":[1,2]}]}`)
	var r Record
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if err := d.Decode(doc, &r); err != nil {
			t.Fatal(err)
		}
	}))
}
