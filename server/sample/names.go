package sample

import "strings"

// A tongue is how people are called, in their own script. The names are common
// ones, put together by lot.
type tongue struct {
	code                 string // of the language, ISO 639
	female, male, family []string
	notes                []string
}

var (
	latin = &tongue{"en",
		strings.Fields("Amina Grace Fatou Esther Ngozi Mariam Ruth Zainab Lucy Awa Halima Joyce"),
		strings.Fields("Musa Daniel Ibrahim Samuel Kofi Yusuf Peter Oumar Joseph Sani Emeka David"),
		strings.Fields("Bello Okoro Diallo Mensah Banda Sarki Traoré N'Diaye Phiri Tanko Adeyemi Moyo"),
		[]string{"Fever for three days, drinks well.", "Advised rest and fluids, review in a week.", "Mother reports two nights of cough.",
			"Slept under a net.", "Came on foot, two hours.", "Rapid test done on arrival.", "No danger signs seen.", "Weight checked against the chart."}}
	devanagari = &tongue{"hi",
		strings.Fields("आशा मीना सुनीता कविता राधा पूजा गीता सीमा लक्ष्मी अनीता"),
		strings.Fields("रवि सुरेश अमित मोहन राजेश विजय अनिल दीपक संजय मनोज"),
		strings.Fields("कुमार शर्मा वर्मा यादव पटेल सिंह गुप्ता मिश्रा चौहान जोशी"),
		[]string{"तीन दिन से बुखार।", "पानी और आराम की सलाह दी।", "खांसी और ज़ुकाम।", "मच्छरदानी में सोता है।", "एक सप्ताह बाद फिर दिखाएँ।"}}
	tamil = &tongue{"ta",
		strings.Fields("செல்வி மீனாட்சி லட்சுமி கவிதா பிரியா சாந்தி வள்ளி தேவி"),
		strings.Fields("முருகன் கார்த்திக் செந்தில் குமார் அருண் பாலு ராஜா வேலு"),
		strings.Fields("சுப்பிரமணியம் நடராஜன் ராமசாமி பழனி அண்ணாமலை கோவிந்தன் இளங்கோ"),
		[]string{"மூன்று நாட்களாக காய்ச்சல்.", "ஓய்வு எடுக்க அறிவுறுத்தப்பட்டது.", "இருமல் உள்ளது.", "ஒரு வாரத்தில் மீண்டும் வரவும்."}}
	bengali = &tongue{"bn",
		strings.Fields("রিনা সুমিতা মৌসুমী শিউলি অঞ্জনা ফাতেমা পারুল তানিয়া"),
		strings.Fields("রহিম সুব্রত অমল কৃষ্ণ জাহিদ তাপস বিমল করিম"),
		strings.Fields("দাস মণ্ডল সরকার বিশ্বাস হোসেন রায় ঘোষ শেখ"),
		[]string{"তিন দিন ধরে জ্বর।", "বিশ্রাম ও তরল খাবার।", "কাশি আছে।", "এক সপ্তাহ পরে আসবেন।"}}
	gurmukhi = &tongue{"pa",
		strings.Fields("ਹਰਪ੍ਰੀਤ ਸਿਮਰਨ ਜਸਲੀਨ ਮਨਜੀਤ ਅਮਨਦੀਪ ਗੁਰਲੀਨ ਕਿਰਨ"),
		strings.Fields("ਗੁਰਪ੍ਰੀਤ ਬਲਵਿੰਦਰ ਜਸਵੀਰ ਹਰਜੀਤ ਸੁਖਦੇਵ ਅਰਜਨ ਮਨਦੀਪ"),
		strings.Fields("ਸਿੰਘ ਕੌਰ ਗਿੱਲ ਸੰਧੂ ਢਿੱਲੋਂ ਬਰਾੜ ਸਿੱਧੂ"),
		[]string{"ਤਿੰਨ ਦਿਨਾਂ ਤੋਂ ਬੁਖਾਰ।", "ਆਰਾਮ ਅਤੇ ਪਾਣੀ।", "ਖੰਘ ਹੈ।", "ਹਫ਼ਤੇ ਬਾਅਦ ਆਉਣਾ।"}}
	amharic = &tongue{"am",
		strings.Fields("አስቴር ሰላም ሄለን ብርሃን ትዕግስት ማርታ አበባ ሳራ"),
		strings.Fields("አበበ ዳዊት ተስፋዬ ሰለሞን ዮሐንስ ከበደ ብርሃኑ ኃይሉ"),
		strings.Fields("ተስፋዬ በቀለ ገብሬ ወልደ ታደሰ ኃይሌ መንግስቱ አለሙ"),
		[]string{"ለሦስት ቀናት ትኩሳት።", "እረፍት እና ፈሳሽ ታዘዘ።", "ሳል አለው።", "ከሳምንት በኋላ ይመለስ።"}}
	arabic = &tongue{"ar",
		strings.Fields("فاطمة عائشة مريم خديجة زينب حليمة آمنة سعاد"),
		strings.Fields("محمد أحمد يوسف إبراهيم عمر علي حسن آدم"),
		strings.Fields("صالح إدريس عثمان بشير حامد موسى النور عيسى"),
		[]string{"حمى منذ ثلاثة أيام.", "نصح بالراحة والسوائل.", "سعال خفيف.", "يراجع بعد أسبوع."}}
)

// person draws a name: four of ten write it in Latin letters.
func (t *tongue) person(l *lot, female bool) (given, family, language string) {
	if l.percent(40) {
		t = latin
	}
	given = pick(l, t.male)
	if female {
		given = pick(l, t.female)
	}
	return given, pick(l, t.family), t.code
}

// note draws what somebody wrote of a visit: mostly nothing much, in the tongue of
// the district or in English, with a face or a drop of blood now and then.
func (t *tongue) note(l *lot) string {
	if l.percent(25) {
		return ""
	}
	if l.percent(55) {
		t = latin
	}
	text := strings.Join(some(l, t.notes, l.between(1, min(4, len(t.notes)))), " ")
	switch n := l.below(500); {
	case n < 6:
		text += " " + pick(l, []string{"🙂", "🩸", "🦟", "👩🏽‍⚕️", "🇮🇳", "💊"})
	case n < 9:
		text += " He said: \"better\".\nSeen twice; ½ tablet, 38.5 °C."
	}
	return text
}

// longNote is one that somebody pasted a whole history into: more than fits into a
// cell of a spreadsheet.
func (t *tongue) longNote(l *lot) string {
	var b strings.Builder
	for b.Len() <= 50_000 {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(pick(l, append(t.notes, latin.notes...)))
	}
	return b.String()
}
