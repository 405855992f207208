import { expect, test } from 'vitest';
import { parseOpenMetrics } from './helpers/parse-openmetrics.js';

const REFUSED = {
  'a sample without a type': 'a 1\n# EOF\n',
  'no line feed at the end': '# TYPE a gauge\na 1\n# EOF',
  'something behind the end': '# TYPE a gauge\n# EOF\na 1\n# EOF\n',
  'two values of one metric': '# TYPE a gauge\na 1\na 2\n# EOF\n',
  'two spaces': '# TYPE a gauge\na  1\n# EOF\n',
  'a comment': '# TYPE a gauge\n# hello\na 1\n# EOF\n',
  'a counter without _total': '# TYPE a counter\na 1\n# EOF\n',
  'a quote that is not escaped': '# TYPE a gauge\na{x="a"b"} 1\n# EOF\n',
  'an escape that there is not': '# TYPE a gauge\na{x="a\\q"} 1\n# EOF\n',
  'a unit that is not in the name': '# TYPE a_s gauge\n# UNIT a_s seconds\na_s 1\n# EOF\n',
  'half a number': '# TYPE a gauge\na 1e\n# EOF\n',
  'another kind of number': '# TYPE a gauge\na 0x1\n# EOF\n',
  'interleaved metrics': '# TYPE a summary\na_count{x="1"} 1\na_count{x="2"} 1\na_sum{x="1"} 2\n# EOF\n',
  'interleaved families': '# TYPE a gauge\na 1\n# TYPE b gauge\n# HELP a x\n# EOF\n',
  'a bound that is not canonical':
    '# TYPE a histogram\na_bucket{le="1"} 1\na_bucket{le="+Inf"} 1\na_count 1\na_sum 1\n# EOF\n',
  'buckets that fall':
    '# TYPE a histogram\na_bucket{le="1.0"} 2\na_bucket{le="+Inf"} 1\na_count 1\na_sum 1\n# EOF\n',
  'buckets without +Inf': '# TYPE a histogram\na_bucket{le="1.0"} 1\na_count 1\na_sum 1\n# EOF\n',
  'names that clash': '# TYPE a summary\na_count 1\na_sum 2\n# TYPE a_sum gauge\na_sum 1\n# EOF\n',
};

test.each(Object.entries(REFUSED))('the parser of the tests refuses %s', (_, text) => {
  expect(() => parseOpenMetrics(text)).toThrow('not OpenMetrics');
});
