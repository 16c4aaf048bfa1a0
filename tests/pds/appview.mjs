// A stand-in for Bluesky's app view: it counts the likes, reposts, replies and quotes that
// are in the repositories of one PDS, and answers the two queries that read the numbers.
import { once } from 'node:events'
import http from 'node:http'

export async function appView(pds) {
  const get = async (path) => {
    const response = await fetch(`${pds}/xrpc/${path}`)
    const answer = await response.json()
    if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(answer)}`)
    return answer
  }

  async function* records(collection, repo) {
    for (let cursor = ''; cursor !== undefined; ) {
      const page = await get(
        `com.atproto.repo.listRecords?repo=${repo}&collection=${collection}&limit=100&cursor=${cursor}`,
      )
      yield* page.records
      cursor = page.cursor
    }
  }

  async function all(collection) {
    const found = []
    for (const repo of (await get('com.atproto.sync.listRepos')).repos) {
      for await (const record of records(collection, repo.did)) found.push(record)
    }
    return found
  }

  const quoted = (embed) => embed?.record?.record?.uri ?? embed?.record?.uri

  async function getPosts(query) {
    const uris = query.getAll('uris')
    if (uris.length > 25) return refusal(400, 'InvalidRequest', 'uris must not have more than 25 elements')
    const [posts, likes, reposts] = await Promise.all(
      ['app.bsky.feed.post', 'app.bsky.feed.like', 'app.bsky.feed.repost'].map(all),
    )
    const count = (list, uri, of) => list.filter((record) => of(record.value) === uri).length
    return {
      posts: uris.flatMap((uri) => {
        const post = posts.find((post) => post.uri === uri)
        if (!post) return []
        const did = uri.split('/')[2]
        return {
          uri,
          cid: post.cid,
          author: { did, handle: 'handle.invalid' },
          record: post.value,
          indexedAt: post.value.createdAt,
          likeCount: count(likes, uri, (value) => value.subject?.uri),
          repostCount: count(reposts, uri, (value) => value.subject?.uri),
          replyCount: count(posts, uri, (value) => value.reply?.parent?.uri),
          quoteCount: count(posts, uri, (value) => quoted(value.embed)),
        }
      }),
    }
  }

  async function getProfile(query) {
    const { did, handle } = await get(`com.atproto.repo.describeRepo?repo=${query.get('actor')}`)
    const count = async (collection, of) => (await all(collection)).filter(of).length
    return {
      did,
      handle,
      followersCount: await count('app.bsky.graph.follow', (record) => record.value.subject === did),
      followsCount: await count('app.bsky.graph.follow', (record) => record.uri.includes(did)),
      postsCount: await count('app.bsky.feed.post', (record) => record.uri.includes(did)),
    }
  }

  const refusal = (status, error, message) => ({ status, error, message })
  const queries = { 'app.bsky.feed.getPosts': getPosts, 'app.bsky.actor.getProfile': getProfile }
  const server = http.createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost')
    const query = queries[pathname.replace('/xrpc/', '')]
    let answer
    try {
      answer = query ? await query(searchParams) : refusal(501, 'MethodNotImplemented', 'not counted here')
    } catch (error) {
      answer = refusal(500, 'InternalServerError', error.message)
    }
    const { status, ...body } = answer
    response.writeHead(status ?? 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() }
}
