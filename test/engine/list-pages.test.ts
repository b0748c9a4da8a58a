/** The envelope of the vendor's lists, in the forms that its guide shows. */
import { describe, expect, test } from 'vitest';
import { readPage } from '../../connectors/cylance/shared/pages.ts';

type Json = Record<string, unknown>;

const SAMPLE = { Id: '631015e5...', Name: 'My Exception', Version: 1 };

/** "Get Detection Exceptions List" (001, lines 1851 to 1879). */
const asInTheGuide = (items: Json[]): Json => ({
  page_size: 10,
  total_pages: 1,
  page_items: [...items, { total_number_of_items: items.length }, { page_number: 1 }],
});
const tidy = (items: Json[]): Json => ({
  page_size: 10,
  total_pages: 1,
  total_number_of_items: items.length,
  page_number: 1,
  page_items: items,
});

describe('a page with members of the envelope among its items', () => {
  const asked = { page: 1, pageSize: 10 };

  test('is the page that it would be without them', () => {
    expect(readPage(asInTheGuide([SAMPLE]), 'here', asked)).toEqual(readPage(tidy([SAMPLE]), 'here', asked));
    const both = { ...tidy([SAMPLE]), page_items: [{ Page_Number: '1', TOTAL_PAGES: 1 }, SAMPLE] };
    expect(readPage(both, 'here', asked)).toEqual(readPage(tidy([SAMPLE]), 'here', asked));
  });

  test('is read in any spelling of its names', () => {
    const camel = {
      pageSize: 10,
      totalPages: 1,
      totalNumberOfItems: 1,
      PageNumber: 1,
      pageItems: [SAMPLE, { pageNumber: 1 }],
    };
    expect(readPage(camel, 'here', asked)).toEqual(readPage(tidy([SAMPLE]), 'here', asked));
  });

  test('is garbled where these are of another page, or no number', () => {
    expect(() => readPage(asInTheGuide([SAMPLE]), 'here', { page: 2, pageSize: 10 })).toThrow('asked for page 2');
    const items = [SAMPLE, { total_number_of_items: 'many' }];
    expect(() => readPage({ page_items: items }, 'here', asked)).toThrow('no total_number_of_items');
  });

  test('keeps every other item, also one without an id', () => {
    const odd = [{}, null, 'text', { Name: 'no id' }, { page_size: 10, Name: 'no id' }];
    const reply = { page_items: odd, total_number_of_items: odd.length };
    expect(readPage(reply, 'here', asked).records).toEqual(odd);
  });
});

describe('a page without an array', () => {
  const asked = { page: 1, pageSize: 10 };

  test('is empty where the total beside null says so', () => {
    const reply = { page_items: null, total_number_of_items: 0 };
    expect(readPage(reply, 'here', asked)).toMatchObject({ records: [], total: 0 });
  });

  test('is garbled where anything else stands beside it', () => {
    for (const reply of [
      { page_items: null, total_number_of_items: 3 },
      { page_items: null },
      { total_number_of_items: 0 },
      { page_items: {}, total_number_of_items: 0 },
      { page_items: '', total_number_of_items: 0 },
    ])
      expect(() => readPage(reply, 'here', asked), JSON.stringify(reply)).toThrow('no page_items array');
  });
});
